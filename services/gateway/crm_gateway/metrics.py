"""The gateway's own metrics: what came of the views that it composes."""

from prometheus_client import Counter

VIEW_SECTIONS = Counter(
    "crm_gateway_view_sections_total",
    "Sections of customer views, by how they came out and why.",
    ["view", "section", "outcome", "reason"],
)
VIEW_RESPONSES = Counter(
    "crm_gateway_view_responses_total",
    "Customer views answered. What the caller may not see does not make one partial.",
    ["view", "completeness"],
)
VIEW_COMPLETENESS = ("full", "partial", "failed")
# Why a section is not as its owner tells it, while the owner gives no answer.
SILENCES = ("timeout", "unavailable", "breaker")

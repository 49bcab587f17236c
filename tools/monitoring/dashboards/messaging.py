"""The way of an event: log, relay, queue, consumer, dead letters, with what waits at each."""

from monitoring.grafana import AMBER, GOOD_AT_ZERO, GREEN, RED, Dashboard, Query, Row, line, number

Q = 'queue!~".*[.](retry[.].*|dlq)"'

FUNNEL = Row(
    "Where events are",
    (
        number(
            "1. In the logs",
            "Committed events that are not published yet.",
            "short",
            Query("sum(max by (service) (crm_outbox_pending))", "pending"),
            width=4,
        ),
        number(
            "2. Oldest in a log",
            "How long the oldest of them waits.",
            "s",
            Query("max(crm_outbox_oldest_pending_age_seconds)", "age"),
            width=4,
            steps=((None, GREEN), (30, AMBER), (120, RED)),
        ),
        number(
            "3. In the queues",
            "Messages in the queues of subscriptions.",
            "short",
            Query(f"sum(max by (queue) (rabbitmq_detailed_queue_messages{{{Q}}}))", "messages"),
            width=4,
        ),
        number(
            "4. Being handled",
            "Events that reactions are at.",
            "short",
            Query("sum(crm_consumer_inflight)", "in flight"),
            width=4,
        ),
        number(
            "5. Held back",
            "Messages that failed and wait for their next try.",
            "short",
            Query(
                'sum(max by (queue) (rabbitmq_detailed_queue_messages{queue=~".*[.]retry[.].*"}))',
                "waiting",
            ),
            width=4,
        ),
        number(
            "6. Dead letters",
            "Messages that failed at every try.",
            "short",
            Query("sum(max by (queue) (crm_dlq_messages))", "waiting"),
            width=4,
            steps=GOOD_AT_ZERO,
        ),
    ),
)
RELAY = Row(
    "From the log to the broker",
    (
        line(
            "Recorded and published",
            "Events committed with their change, by service, and those that the broker confirmed.",
            "ops",
            Query(
                "sum by (job) (rate(crm_events_recorded_total[$__rate_interval]))",
                "{{job}} recorded",
            ),
            Query(
                "sum by (service) (rate(crm_outbox_published_total[$__rate_interval]))",
                "{{service}} published",
            ),
        ),
        line(
            "Oldest event that waits",
            "Age of the oldest event not yet published.",
            "s",
            Query("max by (service) (crm_outbox_oldest_pending_age_seconds)", "{{service}}"),
            steps=((None, GREEN), (120, RED)),
        ),
        line(
            "Events not published",
            "Tries that failed: refused, given back because no queue takes it, out of time, lost "
            "with the connection, or no longer this relay's.",
            "ops",
            Query(
                "sum by (service, reason) (rate(crm_outbox_publish_failures_total"
                "[$__rate_interval])) > 0",
                "{{service}} {{reason}}",
            ),
        ),
        line(
            "Resources that wait for their next event to be taken",
            "The broker did not take it; it is tried again later and later.",
            "short",
            Query("max by (service) (crm_outbox_blocked_resources)", "{{service}}"),
        ),
        line(
            "From handing over to the last confirm, 95 of 100",
            "How long the broker takes for a batch.",
            "s",
            Query(
                "histogram_quantile(0.95, sum by (service, le) "
                "(rate(crm_outbox_publish_seconds_bucket[$__rate_interval])))",
                "{{service}}",
            ),
        ),
        line(
            "Events that wait",
            "How many committed events are not published yet.",
            "short",
            Query("max by (service) (crm_outbox_pending)", "{{service}}"),
        ),
    ),
)
QUEUES = Row(
    "Queues",
    (
        line(
            "Messages in each queue",
            "What waits for each subscription, and what its consumer has taken and not settled.",
            "short",
            Query(
                f"max by (queue) (rabbitmq_detailed_queue_messages_ready{{{Q}}})",
                "{{queue}} ready",
            ),
            Query(
                f"max by (queue) (rabbitmq_detailed_queue_messages_unacked{{{Q}}}) > 0",
                "{{queue}} taken",
            ),
        ),
        line(
            "Consumers of each queue",
            "A queue without one grows.",
            "short",
            Query(f"max by (queue) (rabbitmq_detailed_queue_consumers{{{Q}}})", "{{queue}}"),
        ),
    ),
)
CONSUMERS = Row(
    "From the queue to the effect",
    (
        line(
            "Events handled, by outcome",
            "`ok` took effect, `duplicate` had before, `retry` is tried again, `dead` failed at "
            "every try, `parked` was set aside.",
            "ops",
            Query(
                "sum by (outcome) (rate(crm_event_handled_total[$__rate_interval]))",
                "{{outcome}}",
            ),
        ),
        line(
            "Tried again",
            "Events that a subscription put back to be tried later.",
            "ops",
            Query(
                "sum by (consumer) "
                '(rate(crm_event_handled_total{outcome="retry"}[$__rate_interval])) > 0',
                "{{consumer}}",
            ),
        ),
        line(
            "From change to effect, 99 of 100",
            "99 of 100 events had taken effect within this time. 30 s are promised.",
            "s",
            Query(
                "histogram_quantile(0.99, sum by (consumer, le) "
                "(rate(crm_event_end_to_end_seconds_bucket[$__rate_interval])))",
                "{{consumer}}",
            ),
            steps=((None, GREEN), (30, RED)),
        ),
        line(
            "Duration of a reaction, 95 of 100",
            "How long the reaction to a batch took.",
            "s",
            Query(
                "histogram_quantile(0.95, sum by (consumer, le) "
                "(rate(crm_event_handler_seconds_bucket[$__rate_interval])))",
                "{{consumer}}",
            ),
        ),
        line(
            "Since a subscription last got on",
            "How long ago it took something, or found nothing to take.",
            "s",
            Query(
                "time() - max by (consumer) (crm_consumer_last_progress_timestamp_seconds > 0)",
                "{{consumer}}",
            ),
            steps=((None, GREEN), (300, RED)),
        ),
        line(
            "Dead letters",
            "Those that wait for a decision, those that were set aside.",
            "short",
            Query("max by (queue) (crm_dlq_messages)", "{{queue}} waiting"),
            Query("max by (queue) (crm_parking_messages) > 0", "{{queue}} set aside"),
        ),
        line(
            "Oldest dead letter",
            "How long the oldest one waits for a decision. From a day on somebody is called.",
            "s",
            Query("max by (queue) (crm_dlq_oldest_age_seconds)", "{{queue}}"),
            steps=((None, GREEN), (86400, RED)),
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-messaging",
    "CRM / Messaging",
    "Events on their way. The first place where much waits, or for long, is where to look.",
    (FUNNEL, RELAY, QUEUES, CONSUMERS),
)

"""Which processes are asked, and what of their pages is read."""

import pytest

from crm_gateway.ops.scraping import Target, series_of, targets_of


def test_processes_are_named_by_their_address_and_by_their_name_where_that_is_told():
    told = "http://10.0.0.7:9000/metrics, service-desk/relay=https://10.0.0.8/metrics?x=1,"

    assert targets_of(told) == [
        Target("http://10.0.0.7:9000/metrics"),
        Target("https://10.0.0.8/metrics?x=1", "service-desk", "relay"),
    ]
    assert targets_of("") == []


@pytest.mark.parametrize("told", ["10.0.0.7:9000", "ftp://10.0.0.7/", "sales/api=", "http://"])
def test_what_is_no_address_is_refused_by_the_variables_name(told):
    with pytest.raises(ValueError, match="CRM_GATEWAY_METRICS_URLS"):
        targets_of(told)


def test_of_a_page_only_what_is_asked_for_is_read():
    page = (
        "# HELP crm_outbox_pending Waiting.\n"
        "# TYPE crm_outbox_pending gauge\n"
        'crm_outbox_pending{service="sales"} 4.0\n'
        'crm_http_request_duration_seconds_bucket{le="0.1",method="GET",route="/v1/x"} 2.0\n'
        "python_info 1.0\n"
    )

    assert series_of(page) == {
        "crm_outbox_pending": [({"service": "sales"}, 4.0)],
        "crm_http_request_duration_seconds_bucket": [
            ({"le": "0.1", "method": "GET", "route": "/v1/x"}, 2.0)
        ],
    }


def test_a_page_that_is_none_is_no_answer():
    with pytest.raises(ValueError, match="could not convert"):
        series_of("crm_outbox_pending{service= much\n")

"""What processes need: each other, MongoDB, RabbitMQ, processor, memory, file descriptors."""

from monitoring.grafana import (
    AMBER,
    GOOD_AT_ZERO,
    GREEN,
    JOB,
    RED,
    Dashboard,
    Query,
    Row,
    Variable,
    line,
    number,
)

PROCESS = Variable("process", "Process", 'label_values(up{job=~"$job"}, process)')
INSTANCE = Variable(
    "instance", "Instance", 'label_values(up{job=~"$job",process=~"$process"}, instance)'
)
P = 'job=~"$job",process=~"$process",instance=~"$instance"'

REACHED = Row(
    "Dependencies",
    (
        number(
            "Dependencies away",
            "How many processes get no answer from something that they need.",
            "short",
            Query(f"count(crm_dependency_up{{{P}}} == 0) or vector(0)", "away"),
            steps=GOOD_AT_ZERO,
        ),
        number(
            "Processes that do not answer",
            "Targets that did not answer their last scrape.",
            "short",
            Query(f"count(up{{{P}}} == 0) or vector(0)", "down"),
            steps=GOOD_AT_ZERO,
        ),
        number(
            "RabbitMQ's alarms",
            "Memory, disk or file descriptors of the broker are short: it takes nothing.",
            "short",
            Query(
                "max(rabbitmq_alarms_memory_used_watermark) "
                "+ max(rabbitmq_alarms_free_disk_space_watermark) "
                "+ max(rabbitmq_alarms_file_descriptor_limit)",
                "alarms",
            ),
            steps=GOOD_AT_ZERO,
        ),
        number(
            "Builds",
            "How many different builds run: more than one only while a new one is rolled out.",
            "short",
            Query("count(count by (version, revision) (crm_build_info))", "builds"),
            steps=((None, GREEN), (2, AMBER)),
        ),
        line(
            "What is reached",
            "1 while it answers, 0 while it does not, by who asks. MongoDB shows here.",
            "none",
            Query(
                f"min by (job, process, dependency) (crm_dependency_up{{{P}}})",
                "{{job}} {{process}}: {{dependency}}",
            ),
            limits=(0, 1),
        ),
        line(
            "Circuit breakers",
            "0 closed, 1 half open, 2 open.",
            "none",
            Query(
                f"max by (job, process, target) (crm_breaker_state{{{P}}})",
                "{{job}} {{process}}: {{target}}",
            ),
            limits=(0, 2),
        ),
        line(
            "Changes of circuit breakers",
            "How often breakers changed to each state.",
            "ops",
            Query(
                "sum by (target, state) "
                f"(rate(crm_breaker_transitions_total{{{P}}}[$__rate_interval]))",
                "{{target}} {{state}}",
            ),
        ),
        line(
            "Events that wait because the broker takes nothing",
            "1 while a relay is blocked for want of the broker's memory or disk.",
            "none",
            Query("max by (service) (crm_outbox_broker_blocked)", "{{service}}"),
            limits=(0, 1),
        ),
    ),
)
BROKER = Row(
    "RabbitMQ",
    (
        line(
            "Memory of the broker",
            "What it uses, and where it stops to take messages.",
            "bytes",
            Query("max(rabbitmq_process_resident_memory_bytes)", "used"),
            Query("max(rabbitmq_resident_memory_limit_bytes)", "limit"),
        ),
        line(
            "Disk of the broker",
            "What is free, and where it stops to take messages.",
            "bytes",
            Query("min(rabbitmq_disk_space_available_bytes)", "free"),
            Query("max(rabbitmq_disk_space_available_limit_bytes)", "limit"),
        ),
        line(
            "Messages through the broker",
            "Messages that came in, were confirmed, and went out, a second.",
            "ops",
            Query("sum(rate(rabbitmq_global_messages_received_total[$__rate_interval]))", "in"),
            Query(
                "sum(rate(rabbitmq_global_messages_confirmed_total[$__rate_interval]))",
                "confirmed",
            ),
            Query("sum(rate(rabbitmq_global_messages_delivered_total[$__rate_interval]))", "out"),
        ),
        line(
            "Connections",
            "Connections and channels that are open.",
            "short",
            Query("max(rabbitmq_connections)", "connections"),
            Query("max(rabbitmq_channels)", "channels"),
        ),
    ),
)
PROCESSES = Row(
    "Processes",
    (
        line(
            "Processor",
            "Cores that each process uses; Python has use for one.",
            "none",
            Query(
                f"sum by (job, process) (rate(process_cpu_seconds_total{{{P}}}[$__rate_interval]))",
                "{{job}} {{process}}",
            ),
        ),
        line(
            "Memory",
            "What of each process is in memory.",
            "bytes",
            Query(
                f"sum by (job, process) (process_resident_memory_bytes{{{P}}})",
                "{{job}} {{process}}",
            ),
        ),
        line(
            "File descriptors",
            "The part of its file descriptors that a process uses.",
            "percentunit",
            Query(
                f"max by (job, process) (process_open_fds{{{P}}} / process_max_fds{{{P}}})",
                "{{job}} {{process}}",
            ),
            steps=((None, GREEN), (0.8, RED)),
        ),
        line(
            "Since it began",
            "Short again and again: a process ends and is started again.",
            "s",
            Query(
                f"time() - max by (job, process) (process_start_time_seconds{{{P}}})",
                "{{job}} {{process}}",
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    "crm-dependencies",
    "CRM / Dependencies",
    "What is needed and how it stands: MongoDB, RabbitMQ, the services of each other, processes.",
    (REACHED, BROKER, PROCESSES),
    (JOB, PROCESS, INSTANCE),
)

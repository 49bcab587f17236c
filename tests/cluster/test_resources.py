"""What the chart asks for by default is enough, and not much more."""

from cluster.pressure import pressure

from deployment.usage import amount, peaks

SECONDS = 60
# Of what a process may take a third is left while it works hard.
ROOM = 1.5


def test_memory_under_load_leaves_room_below_the_limit(standing):
    with pressure(standing) as requests:
        found = peaks(standing.deployment.cluster, SECONDS)

    requests.assert_nothing_failed()
    limits = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: amount(
            pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
        )
        for pod in standing.pods()
    }
    assert found.keys() == limits.keys()
    assert {name for name, used in found.items() if used.memory * ROOM > limits[name]} == set()

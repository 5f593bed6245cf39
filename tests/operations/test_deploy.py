"""What is shipped for running the service fits the service: rules, panels, runbook, images, manifests."""

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.alerts.actors import ActorRole
from service.control_room.binding import check_binding
from service.control_room.grants import granted
from service.metrics import EVERY, Kind
from service.settings import environment_names, read_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "recount.rules.yaml"
RULE_TESTS = DEPLOY / "prometheus" / "recount.test.yaml"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
NAME = re.compile(r"\brecount_\w+")


def tool(name: str) -> str:
    """A program of Prometheus's; the test is skipped, and listed, where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: prometheus, prometheus-alertmanager)")
    return found


def alerts() -> list[dict[str, Any]]:
    """Every alerting rule."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel with queries."""
    board = json.loads((DEPLOY / "grafana" / "recount.json").read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Every query of the dashboard, its variable filled in."""
    return [t["expr"].replace("$force", ".*") for panel in panels() for t in panel["targets"]]


def exposed() -> set[str]:
    """Names as they are scraped."""
    ends = ("_bucket", "_sum", "_count")
    made = {each.name for each in EVERY if each.kind is not Kind.HISTOGRAM}
    return made | {m.name + end for m in EVERY if m.kind is Kind.HISTOGRAM for end in ends}


def test_rules_and_panels_ask_for_metrics_that_exist_and_every_metric_is_looked_at() -> None:
    asked = {name for rule in alerts() for name in NAME.findall(rule["expr"])}
    asked |= {name for query in queries() for name in NAME.findall(query)}
    assert asked <= exposed()
    looked_at = {name.removesuffix("_bucket") for name in asked}
    assert {each.name for each in EVERY} <= looked_at


def test_labels_asked_for_are_labels_of_the_metric() -> None:
    by_name = {name: m for m in EVERY for name in exposed() if name.startswith(m.name)}
    found = re.compile(r"\b(recount_\w+)\{([^}]*)\}")
    for text in [*(rule["expr"] for rule in alerts()), *queries()]:
        for name, inside in found.findall(text):
            assert set(re.findall(r"(\w+)=", inside)) <= set(by_name[name].labels), text


def test_each_alert_has_a_test_and_a_section_and_nothing_else_has() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    tested = yaml.safe_load(RULE_TESTS.read_text(encoding="utf-8"))["tests"]
    assert [test["name"] for test in tested] == names
    assert re.findall(r"^## (Recount\w+)$", RUNBOOK, re.MULTILINE) == names
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket", "watchdog"}


def test_panels_named_in_the_runbook_exist() -> None:
    titles = " ".join(panel["title"] for panel in panels())
    for named in re.findall(r"[Pp]anels? \*([^*]+)\*", RUNBOOK):
        assert named in titles, named


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    done = subprocess.run(
        [tool("promtool"), "test", "rules", str(RULE_TESTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_every_query_of_the_dashboard_and_the_rules(tmp_path: Path) -> None:
    made = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries())]
    file = tmp_path / "panels.yaml"
    file.write_text(
        yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}), encoding="utf-8"
    )
    for each in (file, RULES):
        done = subprocess.run(
            [tool("promtool"), "check", "rules", str(each)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_takes_its_configuration() -> None:
    file = DEPLOY / "alertmanager" / "alertmanager.yaml"
    done = subprocess.run(
        [tool("amtool"), "check-config", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- images and manifests -------------------------------------------------------------------------


def manifests() -> list[dict[str, Any]]:
    """Every Kubernetes object."""
    return [
        each
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def pods() -> list[dict[str, Any]]:
    """Every pod that the manifests would start."""
    return [each["spec"]["template"] for each in manifests() if "template" in each.get("spec", {})]


def test_manifests_are_whole_and_pods_may_do_as_little_as_can_be() -> None:
    for each in manifests():
        assert {"apiVersion", "kind", "metadata"} <= each.keys()
        assert each["kind"] != "Secret"
    for pod in pods():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        mounted = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            secured = container["securityContext"]
            assert secured["readOnlyRootFilesystem"] is True
            assert secured["allowPrivilegeEscalation"] is False
            assert secured["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= mounted


def test_what_runs_on_has_probes_on_the_health_port_and_a_disruption_budget() -> None:
    kept = {
        json.dumps(each["spec"]["selector"], sort_keys=True)
        for each in manifests()
        if each["kind"] == "PodDisruptionBudget"
    }
    for each in manifests():
        if each["kind"] != "Deployment":
            continue
        assert json.dumps(each["spec"]["selector"], sort_keys=True) in kept
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
        for container in each["spec"]["template"]["spec"]["containers"]:
            paths = [
                container[probe]["httpGet"]["path"]
                for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            ]
            assert paths == ["/startupz", "/livez", "/readyz"]
            assert {"name": "health", "containerPort": 9464} in container["ports"]


def test_settings_named_in_what_is_shipped_are_settings() -> None:
    names = environment_names()
    texts = [p.read_text(encoding="utf-8") for p in DEPLOY.rglob("*.yaml")]
    texts.append((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    named = {
        name
        for text in texts
        for name in re.findall(
            r"\b(RECOUNT_[A-Z_]+|DATABASE_URL\w*|KAFKA_(?:BOOTSTRAP|SECURITY|USER|PASSWORD\w*))\b",
            text,
        )
    }
    assert named
    assert named <= names


def test_compose_starts_what_it_names_and_mounts_what_is_there() -> None:
    held = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = held["services"]
    for service in services.values():
        for other, condition in service.get("depends_on", {}).items():
            assert other in services
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (
                (DEPLOY / source).exists() if source.startswith(".") else source in held["volumes"]
            )
            assert there, volume
    scraped = yaml.safe_load(
        (DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8")
    )
    for job in scraped["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            host, port = target.split(":")
            assert host in services
            assert services[host]["environment"]["RECOUNT_HEALTH_PORT"] == port


def test_the_image_runs_as_nobody_in_particular_and_is_asked_how_it_is() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    last = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER 10001" in last
    assert any(line.startswith("HEALTHCHECK") for line in last)
    assert 'ENTRYPOINT ["recount"]' in last
    assert any("--require-hashes" in line for line in lines)


def test_kubernetes_would_take_every_manifest() -> None:
    for each in manifests():
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_accounts_to_try_with_are_let_in_with_the_role_they_are_named_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for name, value in services["serve"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    check_binding(settings, "127.0.0.1")
    options = services["provider"]["command"]
    claims = [
        json.loads(each.partition("=")[2]) for each in options if each.startswith("--user-claims=")
    ]
    assert len(claims) >= 4
    for each in claims:
        kept = granted(each, settings)
        assert (kept.actor.id, kept.actor.roles) == (each["sub"], (ActorRole(each["sub"]),))
    # The image holds the package that tests sign in with: its options are those.
    asked = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--help"]
    known = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    for each in options:
        assert f"{each.partition('=')[0]} " in known
    assert version("oidc-provider-mock") == services["provider"]["image"].rpartition(":")[2]

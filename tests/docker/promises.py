"""What the service promises under Compose, each tried on the running containers."""

from __future__ import annotations

import json
import struct
import zlib
from functools import partial

from tests.docker.restarts import (
    a_restart_of_all_is_told_as_503,
    one_by_one_a_restart_is_not_noticed,
)
from tests.docker.stack import PROJECT, Failed, Stack, expect, run, service_of, wait_until

BASE_IMAGE = "python:3.11-slim-bookworm"
MAX_ADDED_BYTES = 350 * 1000 * 1000
# Not spelled out, so that no scanner stops at this file.
EICAR = b"".join((rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR", b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"))
# Their images start as root, give their data to a user of their own and become that user.
STARTS_AS_ROOT = {"postgres"}
# Who is to reach whom by name: everybody else is out of reach.
REACH = {
    "nginx": {"web"},
    "web": {"nginx", "postgres", "broker", "cache", "worker", "sweeper"},
    "worker": {"postgres", "broker", "web", "sweeper"},
    "sweeper": {"postgres", "broker", "web", "worker"},
}
# Networks that are not closed.
WAYS_OUT = {"nginx": {"public"}, "freshclam": {"updates"}}
NAMES = ("nginx", "web", "worker", "sweeper", "postgres", "broker", "cache", "clamav", "freshclam")


def only_nginx_is_published(stack: Stack) -> str:
    """No other container has a port on this machine."""
    published = {
        service_of(one): bound
        for one in stack.containers()
        if (bound := [port for port in one["NetworkSettings"]["Ports"].values() if port])
    }
    expect(set(published) == {"nginx"}, f"published: {published}")
    return f"published: {published['nginx'][0][0]['HostPort']} of nginx"


def everything_is_confined(stack: Stack) -> str:
    """No capability, no new privilege, nothing to write to, no root."""
    for one in stack.containers():
        host, name = one["HostConfig"], service_of(one)
        expect(host["ReadonlyRootfs"], f"{name}: its root can be written to")
        expect([word.upper() for word in host["CapDrop"]] == ["ALL"], f"{name}: {host['CapDrop']}")
        expect("no-new-privileges:true" in host["SecurityOpt"], f"{name}: may get privileges")
        expect(not host["Privileged"] and host["Memory"] > 0, f"{name}: has no limit")
        is_root = one["Config"]["User"] in ("", "0", "root")
        expect(is_root == (name in STARTS_AS_ROOT), f"{name}: runs as {one['Config']['User']!r}")
    for name in ("nginx", "web", "worker", "sweeper", "clamav", "broker"):
        lines = stack.execute(name, "sh", "-c", "cat /proc/1/status; touch /probe || echo refused")
        told = dict(line.split(":\t", 1) for line in lines.splitlines() if ":\t" in line)
        expect(told["NoNewPrivs"].strip() == "1", f"{name}: may get privileges")
        expect(int(told["CapEff"], 16) == 0, f"{name}: has capabilities {told['CapEff']}")
        expect(told["Uid"].split()[0] != "0", f"{name}: is root")
        expect("refused" in lines, f"{name}: wrote to its root")
    return "all read-only, without capabilities; nobody is root while it serves"


def the_image_is_small_and_bare(stack: Stack) -> str:
    """Under 350 MB above its base, no compiler, not root, labelled."""
    image, base = (
        json.loads(run(["docker", "image", "inspect", name]))[0]
        for name in (stack.containers("web")[0]["Image"], BASE_IMAGE)
    )
    added = image["Size"] - base["Size"]
    expect(added < MAX_ADDED_BYTES, f"{added} bytes above its base")
    tools = stack.execute("web", "sh", "-c", "command -v gcc cc g++ make; echo none")
    expect(tools.strip() == "none", f"in the image: {tools}")
    expect(image["Config"]["User"] == "10001:10001", f"user {image['Config']['User']}")
    labels = image["Config"]["Labels"]
    expect("org.opencontainers.image.version" in labels, f"labels {labels}")
    return f"{added / 1e6:.0f} MB above its base"


def each_reaches_what_it_needs(stack: Stack) -> str:
    """By name; and nobody but freshclam has a way out of this machine."""
    for name, wanted in REACH.items():
        script = f"for one in {' '.join(NAMES)}; do getent hosts $one >/dev/null && echo $one; done"
        found = set(stack.execute(name, "sh", "-c", script).split()) - {name}
        expect(found == wanted, f"{name} reaches {sorted(found)}, not {sorted(wanted)}")
    for one in stack.containers():
        networks = one["NetworkSettings"]["Networks"]
        told = [json.loads(run(["docker", "network", "inspect", name]))[0] for name in networks]
        out = {net["Name"] for net in told if net["Name"] != "none" and not net["Internal"]}
        wanted = {f"{PROJECT}_{name}" for name in WAYS_OUT.get(service_of(one), ())}
        expect(out == wanted, f"{service_of(one)} has a way out: {out}")
    return "each its own few; a way out of the machine for freshclam alone"


def an_upload_is_processed(stack: Stack) -> str:
    """Through nginx, the scanner, the worker and its confined process, and back by nginx."""
    for content, name in ((b"hello, compose\n", "a.txt"), (make_picture(), "a.png")):
        status, headers, told = stack.upload(content, name)
        expect(status == 201, f"{status} {told}")
        path = headers["location"]
        wait_until(partial(is_processed, stack, path), 60, f"{name} is processed")
        status, headers, body = stack.ask("GET", told["file"])
        expect((status, body) == (200, content), f"content: {status}")
        expect(headers["etag"] == f'"{told["sha256"]}"', f"etag {headers}")
        expect(headers["x-content-type-options"] == "nosniff", f"nosniff {headers}")
        expect(not [name for name in headers if "accel" in name], f"a path is told: {headers}")
        status, headers, body = stack.ask("GET", told["file"], Range="bytes=2-5")
        expect((status, body) == (206, content[2:6]), f"range: {status}")
    status, _, body = stack.ask("GET", f"{path}preview/")
    expect((status, body[:4]) == (200, b"RIFF"), f"preview: {status}")
    return "a text and a picture, whole, in ranges, and its preview"


def is_processed(stack: Stack, path: str) -> bool:
    """Whether the file is; raises Failed when it failed."""
    told = json.loads(stack.ask("GET", path)[2])
    expect(told["status"] != "failed", f"failed: {told}")
    return bool(told["processed"])


def nobody_reaches_the_store(stack: Stack) -> str:
    """The location nginx sends kept files from answers nobody."""
    kept = stack.execute(
        "web", "sh", "-c", "cd /srv/storage && find files -type f | head -1"
    ).strip()
    for path in (f"/__kept/{kept}", "/__kept/files/", "/__kept/", "/__problem/413", "/metrics"):
        status, _, body = stack.ask("GET", path)
        code = json.loads(body)["code"]
        expect(
            (status, code) in ((404, "not_found"), (403, "permission_denied")), f"{path} {status}"
        )
    return f"/__kept/{kept} is not found"


def malware_is_refused(stack: Stack) -> str:
    """By the real scanner, on the bundled test signatures where there are no others."""
    status, _, told = stack.upload(EICAR, "eicar.txt")
    expect((status, told["code"]) == (422, "malware_detected"), f"{status} {told}")
    return f"422 {told['code']}"


def a_large_body_is_refused_by_nginx(stack: Stack) -> str:
    """Before the service hears of it, as a Problem with the id of the request."""
    status, headers, told = stack.upload(bytes(30 * 1024 * 1024), "big.txt")
    expect((status, told["code"]) == (413, "payload_too_large"), f"{status} {told}")
    expect(headers["content-type"] == "application/problem+json", f"{headers}")
    expect(headers["x-request-id"] == told["request_id"], f"{headers} {told}")
    lines = stack.compose("logs", "--no-color", "nginx").splitlines()
    line = next((line for line in lines if told["request_id"] in line), "")
    expect('"status":"413"' in line and '"service":""' in line, f"not by nginx: {line}")
    return f"413 {told['code']}, max_bytes {told['meta']['max_bytes']}"


def a_dead_scanner_refuses_and_heals(stack: Stack) -> str:
    """Nothing is let through meanwhile."""
    stack.compose("kill", "clamav")
    status, headers, told = stack.upload(b"unscanned", "a.txt")
    expect((status, told["code"]) == (503, "scanner_unavailable"), f"{status} {told}")
    expect("retry-after" in headers, f"{headers}")
    wait_until(lambda: stack.ask("GET", "/health/ready")[0] == 503, 90, "not ready")
    stack.compose("up", "-d", "clamav")
    wait_until(lambda: stack.ask("GET", "/health/ready")[0] == 200, 120, "ready again")
    wait_until(lambda: stack.upload(b"scanned again", "a.txt")[0] == 201, 60, "accepts again")
    return "503 scanner_unavailable and not ready; then ready and 201"


def defaults_are_refused(stack: Stack) -> str:
    """No start on a secret that is missing or an example."""
    words = ("run", "--rm", "--no-deps", "-e", "SECRET_KEY=changeme-changeme-changeme-changeme")
    try:
        stack.compose(*words, "render")
    except Failed as failure:
        expect("make-env" in str(failure), str(failure))
        return "an example of a SECRET_KEY stops the start"
    raise Failed("started with an example of a secret")


PROMISES = (
    only_nginx_is_published,
    everything_is_confined,
    the_image_is_small_and_bare,
    each_reaches_what_it_needs,
    defaults_are_refused,
    an_upload_is_processed,
    nobody_reaches_the_store,
    malware_is_refused,
    a_large_body_is_refused_by_nginx,
    a_dead_scanner_refuses_and_heals,
    one_by_one_a_restart_is_not_noticed,
    a_restart_of_all_is_told_as_503,
)


def make_picture() -> bytes:
    """A small PNG: what opens it runs in the confined process."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack("!L", len(content)) + checked + struct.pack("!L", zlib.crc32(checked))

    rows = b"".join(b"\0" + bytes((x, y, 128) * 1)[:3] * 16 for y in range(16) for x in (y,))
    head = struct.pack("!LLBBBBB", 16, 16, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")

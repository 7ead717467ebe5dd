#!/bin/sh
# Builds the image and runs compose.yaml for real, with the lab in place of the internet; prints a table of what held.
# Where a Docker Engine with Compose v2 answers it is used; elsewhere, as root on Debian, one is started beside the system
# from Debian's packages, with stand-ins for the base images (ENGINE=own forces that). Nothing of it stays.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/shoal-compose.XXXXXX")
project=shoaltest
env_file="$work/test.env"
failed=0
dockerd=

say() { printf 'compose-test: %s\n' "$*" >&2; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
compose() { docker compose --project-name "$project" --env-file "$env_file" "$@"; }

row() { printf '| %s | %s | %s |\n' "$1" "$2" "$3" >>"$work/table"; say "$1: $2 ($3 s)"; }
# step NAME COMMAND...: runs it, notes its outcome and its time; what fails does not stop the rest.
step() {
    name=$1; shift; begun=$(now)
    if "$@" >"$work/log" 2>&1; then row "$name" "ok" "$(since "$begun")"; else
        failed=1; row "$name" "FAILED" "$(since "$begun")"; tail -n 25 "$work/log" >&2
    fi
}
# until_ok SECONDS COMMAND...: tries once a second.
until_ok() {
    left=$1; shift
    while ! "$@"; do left=$((left - 1)); [ "$left" -gt 0 ] || return 1; sleep 1; done
}

finish() {
    code=$?
    compose --profile monitoring --profile judge down --volumes --timeout 3 >/dev/null 2>&1 || true
    if [ -n "$dockerd" ]; then
        kill "$dockerd" 2>/dev/null || true
        for _ in $(seq 50); do kill -0 "$dockerd" 2>/dev/null || break; sleep 0.2; done
        ip link del docker0 2>/dev/null || true
        grep " $work" /proc/mounts | cut -d' ' -f2 | sort -r | while read -r mount; do umount "$mount" 2>/dev/null || true; done
    fi
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# -- an engine ----------------------------------------------------------------------------------------------------------

start_engine() {
    suite=${SUITE:-trixie}
    [ "$(id -u)" = 0 ] || { say "no Docker Engine answers, and only root can start one"; exit 2; }
    for program in dockerd mmdebstrap; do
        command -v "$program" >/dev/null || missing=1
    done
    if [ -n "${missing:-}" ]; then
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io mmdebstrap >/dev/null
    fi
    mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources)
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/debs" "$work/root" \
        "$work/cfg/cli-plugins" "$work/standins"
    chmod 755 "$work"
    # The system's own engine is too old for Compose v2's newest words: a newer one is unpacked beside it.
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" \
        >"$work/apt/sources.list"
    apt="apt-get -qq -o Dir::State::lists=$work/apt/lists -o Dir::Cache=$work/apt/cache
        -o Dir::Etc::sourcelist=$work/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root"
    $apt update
    (cd "$work/debs" && $apt download "docker.io/$suite" "docker-cli/$suite" "containerd/$suite" \
        "docker-compose/$suite" "docker-buildx/$suite")
    for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
    ln -sf "$work"/root/usr/libexec/docker/cli-plugins/* "$work/cfg/cli-plugins/"
    PATH=$work/root/usr/sbin:$work/root/usr/bin:$PATH
    DOCKER_CONFIG=$work/cfg
    DOCKER_HOST=unix://$work/docker.sock
    export PATH DOCKER_CONFIG DOCKER_HOST
    files=$(ulimit -Hn)
    setsid dockerd -H "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
        --storage-driver overlay2 --default-ulimit "nofile=$files:$files" >"$work/dockerd.log" 2>&1 </dev/null &
    until_ok 60 docker version >/dev/null 2>&1 || { tail "$work/dockerd.log" >&2; exit 1; }
    dockerd=$(cat "$work/dockerd.pid")
    say "engine $(docker version --format '{{.Server.Version}}'), compose $(docker compose version --short)"
    # One Debian tree stands in for all base images, under the names that compose.yaml uses.
    base=${STANDIN_TAR:-$work/base.tar}
    [ -s "$base" ] || TMPDIR=/dev/shm mmdebstrap -q --variant=apt --dpkgopt=force-unsafe-io \
        --include=ca-certificates,python3,python3-venv,python3-pip,redis-server,haproxy \
        --aptopt='Apt::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' "$suite" "$base" "$mirror"
    docker import -c 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' -c 'CMD ["bash"]' "$base" shoal-standin:base \
        >/dev/null
    cp /etc/ssl/certs/ca-certificates.crt "$work/standins/ca.crt"
    cat >"$work/standins/Dockerfile" <<'D'
FROM shoal-standin:base AS base
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED; ln -sf python3 /usr/bin/python
FROM base AS python
CMD ["python3"]
FROM base AS valkey
RUN mkdir -p /data && chown redis:redis /data \
 && ln -s redis-server /usr/bin/valkey-server && ln -s redis-cli /usr/bin/valkey-cli
WORKDIR /data
VOLUME /data
USER redis
FROM base AS haproxy
STOPSIGNAL SIGUSR1
D
    docker build -q --target python -t python:3.13-slim "$work/standins" >/dev/null
    docker build -q --target valkey -t valkey/valkey:8-alpine "$work/standins" >/dev/null
    docker build -q --target haproxy -t haproxy:3.0 "$work/standins" >/dev/null
}

begun=$(now)
if [ "${ENGINE:-}" != own ] && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    say "using the engine that answers"
else
    start_engine
fi
row "engine and stand-in images" "ok" "$(since "$begun")"

# -- the project --------------------------------------------------------------------------------------------------------

sh deploy/secrets.sh "$work/secrets" >/dev/null
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
https=$(free_port) http=$(free_port) gateway=$(free_port) gateway_tls=$(free_port)
{
    cat deploy/demo.env
    printf 'SHOAL_SECRETS=%s\nSHOAL_HTTPS_PORT=%s\nSHOAL_HTTP_PORT=%s\n' "$work/secrets" "$https" "$http"
    printf 'SHOAL_GATEWAY_PORT=%s\nSHOAL_GATEWAY_TLS_PORT=%s\nSHOAL_LAB_SIZE=600\nSHOAL_CONCURRENCY=200\n' \
        "$gateway" "$gateway_tls"
} >"$env_file"
token=$(cat "$work/secrets/api_token")
users=$(cat "$work/secrets/gateway_users")
api() { curl -fsS --max-time 5 --cacert "$work/secrets/tls.crt" -H "Authorization: Bearer $token" \
    "https://localhost:$https$1"; }
number() { api /v1/stats | python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
at_least() { [ "$(number "$1")" -ge "$2" ]; }
has_workers() { [ "$(compose ps --status running --quiet worker | wc -l)" = "$1" ]; }
picks() { api "/v1/proxies/pick?capability=tunnel" | grep -q '"proxy"'; }
through_gateway() {
    judge=$(compose exec -T scheduler cat /lab/shoal.toml | sed -n 's/^urls = \["\(http:[^"#]*\).*/\1/p' | tail -n 1)
    curl -fsS --max-time 20 --proxy-user "$users" -x "http://localhost:$gateway" "$judge" >/dev/null
}
grows() { was=$(number checked_total); until_ok 60 at_least checked_total $((was + ${1:-1})); }
known_again() { at_least known "$known"; }
# stops SERVICE: SIGTERM to the end of its process, as the engine saw it; 137 would be the engine's patience.
stops() {
    id=$(compose ps --quiet "$1" | head -n 1)
    begun_stop=$(now)
    docker stop --time 5 "$id" >/dev/null 2>&1 || true
    ended=$(date -d "$(docker inspect --format '{{.State.FinishedAt}}' "$id")" +%s.%N)
    code=$(docker inspect --format '{{.State.ExitCode}}' "$id")
    took=$(awk -v a="$begun_stop" -v b="$ended" 'BEGIN { printf "%.1f", b - a }')
    docker start "$id" >/dev/null
    outcome="ok, exit code $code"
    if [ "$code" = 137 ]; then
        failed=1; outcome="FAILED, had to be killed"; docker logs --tail 15 "$id" >&2
    fi
    row "stop of $1: SIGTERM to its end" "$outcome" "$took"
}
# A crash, not a stop: whatever runs in the container is killed from within, and its restart policy is asked.
crash() {
    compose exec -T "$1" sh -c 'for d in /proc/[0-9]*; do p=${d#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -9 $p; done'
    return 0
}

step "config -q" compose config -q
step "config of every profile" compose --profile demo --profile monitoring --profile judge config -q
step "build" compose build
row "image" "$(docker image inspect shoal:local --format '{{.Size}}' | awk '{ printf "%.0f MB", $1 / 1e6 }')" "-"
step "up --wait" compose up --detach --wait --wait-timeout 180
step "not root, read-only" sh -c "docker compose --project-name $project --env-file $env_file exec -T api \
    sh -c '[ \$(id -u) = 10001 ] && ! touch /usr/x 2>/dev/null'"
step "proxies at the API over TLS" until_ok 90 picks
step "API refuses without a token" sh -c "! curl -fsS --cacert $work/secrets/tls.crt https://localhost:$https/v1/stats"
step "dashboard" sh -c "curl -fsS --cacert $work/secrets/tls.crt -H 'Accept: text/html' https://localhost:$https/ | grep -qi '<html'"
step "request through the gateway" until_ok 60 through_gateway
step "--scale worker=3" compose up --detach --wait --wait-timeout 120 --scale worker=3 --no-recreate
step "three workers run" has_workers 3
step "checks go on" grows 5
known=$(number known)
step "kill -9 of a worker" crash worker
step "its restart policy brings it back" until_ok 60 has_workers 3
step "checks after the kill" grows 5
step "kill -9 of valkey" sh -c "docker kill --signal KILL \$(docker ps -q --filter label=com.docker.compose.project=$project \
    --filter label=com.docker.compose.service=valkey)"
step "picks while valkey is away" picks
step "valkey is started again" compose up --detach --wait --wait-timeout 60 --no-recreate --scale worker=3
step "nothing is lost" until_ok 60 known_again
step "checks after valkey's death" grows 5
step "restart of the scheduler" compose restart scheduler
step "checks after the restart" grows 5
for service in scheduler worker api gateway haproxy; do stops "$service"; done
step "down" compose down --timeout 5
step "up again, data kept" compose up --detach --wait --wait-timeout 120
step "known proxies are still there" until_ok 30 known_again

printf '\n| step | outcome | seconds |\n|---|---|---|\n'
cat "$work/table"
exit "$failed"

#!/bin/sh
# Makes the secrets that compose.yaml reads, once: what is there stays. The folder is closed, its files are not, since
# containers read them under users of their own.
set -eu
folder=${1:-secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
for name in store_password api_token judge_key gateway_password grafana_password; do
    [ -s "$name" ] || random >"$name"
done
[ -s gateway_users ] || printf 'shoal:%s\n' "$(cat gateway_password)" >gateway_users
if [ ! -s tls.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj /CN=shoal \
        -addext "subjectAltName=DNS:localhost,DNS:shoal,IP:127.0.0.1" -keyout key.pem -out tls.crt 2>/dev/null
    cat tls.crt key.pem >tls.pem
    rm key.pem
fi
chmod 444 ./*
echo "secrets are in $folder; put a certificate of yours and its key into tls.pem, and reload haproxy"

#!/bin/sh
# Documents to personas to a verdict, with nothing but a shell and curl (7.82 or later): ids are cut out with sed.
# Usage: curl.sh RUBRIC.json ITEM.json DOCUMENT...
set -eu
url=${REHEARING_URL:-http://127.0.0.1:8080}
rubric=$1 item=$2
shift 2

call() { # call PATH [CURL OPTIONS]: the answer's body; an error's `detail` goes to stderr
    path=$1
    shift
    curl --silent --show-error --fail-with-body ${REHEARING_KEY:+-H "Authorization: Bearer $REHEARING_KEY"} "$@" "$url$path"
}
ended() { # ended PATH: waits for a job to end, and prints it
    while :; do
        job=$(call "$1?wait=30")
        case $job in *'"status":"queued"'* | *'"status":"running"'*) ;; *) break ;; esac
    done
    printf '%s\n' "$job"
}
first_id() { sed -n "s/.*\"id\":\"\($1_[0-9a-z]*\)\".*/\1/p" | head -n 1; }

# 1. Upload documents; collect their ids.
files=
for document in "$@"; do files="$files --form files=@$document"; done
# shellcheck disable=SC2086  # file names without spaces
uploaded=$(call /v1/documents $files)
ids=$(printf %s "$uploaded" | grep -o '"id":"do_[0-9a-z]*"' | cut -d: -f2 | paste -sd, -)

# 2. Build personas, and wait for them.
set_id=$(call /v1/persona-sets --json "{\"documents\": [$ids]}" | first_id ps)
ended "/v1/persona-sets/$set_id" > /dev/null

# 3. Have the item heard three times, and wait for the verdict.
evaluation=$(call /v1/evaluations --json "{\"persona_set\": \"$set_id\", \"rubric\": $(cat "$rubric"),
    \"item\": $(cat "$item"), \"repeats\": 3}" --header "Idempotency-Key: $(basename "$item")-1" | first_id ev)
ended "/v1/evaluations/$evaluation"

# 4. Read what was said in the first hearing.
run=$(call "/v1/evaluations/$evaluation/runs" | grep -o '"id":"rn_[0-9a-z]*"' | head -n 1 | cut -d'"' -f4)
call "/v1/evaluations/$evaluation/runs/$run/transcript?format=markdown"

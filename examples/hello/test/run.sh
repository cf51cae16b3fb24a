#!/bin/sh
set -eu

expect() {
  if [ "$1" = "$2" ]; then
    echo "ok: $2"
  else
    echo "not ok: expected '$2', got '$1'"
    exit 1
  fi
}

expect "$(sh src/hello.sh)" "Hello, world!"
expect "$(sh src/hello.sh Anne)" "Hello, Anne!"

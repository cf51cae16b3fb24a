#!/bin/sh
set -eu
scripts=$(find src ci test -name '*.sh' | sort)
check-shell $scripts | tee /build/lint.txt
echo "$(echo "$scripts" | wc -l) scripts checked" | tee -a /build/lint.txt

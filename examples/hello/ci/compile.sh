#!/bin/sh
set -eu
cat /etc/hello-image
tar --create --file /build/hello.tar --directory src .
tar --list --verbose --file /build/hello.tar

#!/bin/sh
set -eu
if command -v wget > /dev/null; then
  tool="wget is here: $(wget --version | head -n 1)"
else
  tool="wget is not in this image"
fi
echo "$tool"
{
  echo "<!doctype html><title>hello: lint</title>"
  echo "<pre>"
  sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' /in/lint.txt
  echo "$tool"
  echo "</pre>"
} > /build/report.html
cat /build/report.html

#!/bin/sh
# Greets whoever is named, or everybody.
echo "Hello, ${1:-world}!"

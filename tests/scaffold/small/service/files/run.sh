#!/bin/sh
echo "{{ not ours }} [= nor this =]"

#!/bin/sh
# run.sh build               compiles the oracle into build/sentinel-java (once; again when a source is newer)
# run.sh oracle.Oracle FILE...   runs a main class. JOPTS: other options for the JVM; LOGS: another folder for Sentinel's logs
set -e
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../../.." && pwd)/build/sentinel-java
if [ "$1" = build ]; then
	if [ ! -e "$out/built" ] || [ "$(find "$here" -newer "$out/built" -type f | head -n 1)" ]; then
		mvn -B -q -f "$here/pom.xml" -Dout="$out" package
		touch "$out/built"
	fi
	exit 0
fi
mkdir -p "$out/home" "$out/tmp" "$out/logs"
# Sentinel writes logs into the home directory: it gets one of its own
exec java ${JOPTS:--Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC} -Duser.home="$out/home" -Djava.io.tmpdir="$out/tmp" \
	-Dcsp.sentinel.log.dir="${LOGS:-$out/logs}" -Djava.net.preferIPv4Stack=true -cp "$out/oracle/classes:$out/oracle/lib/*" "$@"

#!/bin/sh
# run.sh build              compiles everything into build/java (once; again when a source is newer)
# run.sh MODULE MAIN ARGS... runs a main class; MODULE is dubbo3, dubbo27, hessian, sofa, sentinel, nacos or nacos-server. JOPTS: other options for the JVM
set -e
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../../.." && pwd)/build/java
if [ "$1" = build ]; then
	if [ ! -e "$out/built" ] || [ "$(find "$here" -newer "$out/built" -type f | head -n 1)" ]; then
		mvn -B -q -f "$here/pom.xml" -Dout="$out" package
		touch "$out/built"
	fi
	exit 0
fi
module=$1 main=$2
shift 2
mkdir -p "$out/home" "$out/tmp"
opens=
for package in lang util math time io lang.reflect; do
	opens="$opens --add-opens java.base/java.$package=ALL-UNNAMED"
done
# Dubbo writes stray files into the home directory: it gets one of its own
exec java ${JOPTS:--Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC} $opens -Duser.home="$out/home" -Djava.io.tmpdir="$out/tmp" \
	-Djava.net.preferIPv4Stack=true -cp "$out/peers-$module/classes:$out/peers-$module/lib/*" "$main" "$@"

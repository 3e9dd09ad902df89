# The one-word commands. `make check` before each commit; tools/test runs everything (tests/README.md).
J ?= 2
.PHONY: all release check check-asan check-tsan check-clang check-fault conformance differential interop scenario bench bench-smoke \
	fuzz coverage format tree clean

all: release
release asan tsan clang coverage:
	@cmake --preset $@ -DCMAKE_MESSAGE_LOG_LEVEL=WARNING
	@cmake --build --preset $@ -j$(J)

check: asan format tree
	ctest --preset asan -L 'unit|fuzz-replay' -j$(J)
check-asan: asan
	ctest --preset asan -j$(J)
check-tsan: tsan
	ctest --preset tsan -L unit -j$(J)
check-clang: clang
	ctest --preset clang -L 'unit|fuzz-replay' -j$(J)
format:
	tools/format
tree:
	tools/check_tree --quiet

# Suites around the program: one word of tools/test each.
scenario check-fault conformance differential interop bench-smoke:
	tools/test --no-install $(patsubst check-%,%,$@)
bench: release
	tests/bench/bench.py all
fuzz:
	cmake --preset fuzz && cmake --build --preset fuzz -j$(J)
clean:
	rm -rf build

#!/usr/bin/env python3
"""bench.py EXPERIMENT... [--proxies a,b] [--rounds 5] [--secs 5] [--unpinned]     see README.md"""
import argparse
import os
import re
import subprocess
import sys
import time

import harness as H
from adapters import ADAPTERS

KEYS = ("cpu_us", "user_us", "sys_us", "rps", "p50_us", "p99_us", "cores", "errors", "others")


# --- load tools: each returns ok, rps, p50_us, p99_us, errors -------------------------------------------------

def wrk(url, conns, secs, cpu, env=None):
    r = subprocess.run(H.pinned(["wrk", "-t1", f"-c{conns}", f"-d{secs}s", "--latency", url], cpu),
                       capture_output=True, text=True, timeout=secs + 30, env=env)
    t = r.stdout

    def us(label):
        m = re.search(rf"^\s+{label}\s+([\d.]+)(us|ms|s)", t, re.M)
        return float(m[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[m[2]] if m else None
    ok = int(re.search(r"(\d+) requests in", t)[1])
    bad = sum(int(x) for m in re.findall(r"(?:connect|read|write|timeout) (\d+)", t) for x in [m])
    m = re.search(r"Non-2xx.*: (\d+)", t)
    bad += int(m[1]) if m else 0
    return {"ok": ok, "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", t)[1]), "p50_us": us("50%"),
            "p99_us": us("99%"), "errors": bad}


def h2load(port, path, secs, cpu, post=None, conns=8, streams=16):
    log = H.WORK / "h2load.log"
    cmd = ["h2load", "-t1", "-c", conns, "-m", streams, "-D", secs, f"--log-file={log}", f"http://127.0.0.1:{port}{path}"]
    if post:
        cmd += ["-d", post, "-H", "content-type: application/grpc", "-H", "te: trailers"]
    log.unlink(missing_ok=True)
    r = subprocess.run(H.pinned(cmd, cpu), capture_output=True, text=True, timeout=secs + 60)
    m = re.search(r"(\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", r.stdout)
    lat = sorted(int(x.split("\t")[2]) for x in log.read_text().splitlines() if x.split("\t")[1] == "200")
    if not lat:
        raise RuntimeError(r.stdout[-800:])
    codes = re.search(r"status codes: (\d+) 2xx", r.stdout)
    return {"ok": int(codes[1]), "rps": float(re.search(r"finished in .*?, ([\d.]+) req/s", r.stdout)[1]),
            "p50_us": lat[len(lat) // 2], "p99_us": lat[int(len(lat) * .99)], "errors": int(m[5])}


# --- the common loop: start every proxy, then rounds over proxies (A B C, A B C, ...) -------------------------

def rounds(title, scenario, upstream, proxies, load, args, warm=1, direct=False, work=None):
    """load(port, secs, cpu) -> row. One table row per proxy."""
    return rounds_of({title: (scenario, upstream, load)}, proxies, args, warm, direct, work)[title]


def rounds_of(cases, proxies, args, warm=1, direct=False, work=None):
    """The same for several cases at once, title -> (scenario, upstream, load): each round takes them by turns."""
    cpu_p, cpu_l = (None, None) if args.unpinned else (H.PROXY_CPU, H.LOAD_CPU)
    todo = [(title, p) for p in proxies for title, (scenario, _, _) in cases.items() if scenario in ADAPTERS[p]["conf"]]
    rows = {key: [] for key in todo + [(title, "direct") for title in cases if direct]}
    started, mem = {}, {}
    try:
        for title, p in todo:
            scenario, upstream, load = cases[title]
            started[title, p] = H.start_proxy(p, scenario, upstream, cpu_p)
        for key in todo:
            cases[key[0]][2](started[key].port, warm, cpu_l)
        for _ in range(args.rounds):
            for title, p in rows:
                _, upstream, load = cases[title]
                if p == "direct":
                    rows[title, p].append(load(upstream, args.secs, cpu_l))
                    continue
                w = H.Window(started[title, p])
                r = load(started[title, p].port, args.secs, cpu_l)
                r.update(w.end(work(r) if work else r["ok"]))
                rows[title, p].append(r)
        for key in todo:
            mem[key] = H.memory(started[key].pids())
    finally:
        for s in started.values():
            s.stop()
    out = {title: {} for title in cases}
    for (title, p), rs in rows.items():
        row = out[title][p] = {**H.spread(rs, KEYS), **mem.get((title, p), {})}
        m = {k: v[0] for k, v in row.items() if isinstance(v, list)}
        print(f"{title:22} {p:11} " + " ".join(f"{k}={m[k]:.1f}" for k in KEYS if k in m), flush=True)
    return out


def origin(args, *argv):
    port = H.port()
    return H.Process([H.BIN / "origin", port, *argv], None if args.unpinned else H.LOAD_CPU, port)


def exp_h1(args):
    out = {}
    for size in (1000,) if args.quick else (100, 1000, 10000):
        o = origin(args, size)
        out[f"{size} B"] = rounds(f"h1 {size}", "h1", o.port, args.proxies or ["relay", "nginx", "haproxy", "envoy", "envoy-lean", "outrigger"],
                                  lambda port, secs, cpu: wrk(f"http://127.0.0.1:{port}/bench", 32, secs, cpu), args)
        o.stop()
    return out


def exp_h2(args):
    root = H.WORK / "htdocs"
    root.mkdir(exist_ok=True)
    (root / "b100").write_text("x" * 100)
    (root / "b1000").write_text("x" * 1000)
    post = H.WORK / "post100"
    post.write_bytes(b"\0\0\0\0\x5f" + b"p" * 95)  # a gRPC message of 95 bytes
    port = H.port()
    o = H.Process(["nghttpd", "--no-tls", "--echo-upload", "-a", "127.0.0.1", "-d", root, port],
                  None if args.unpinned else H.LOAD_CPU, port)
    out = {}
    for name, path, body in (("GET 100 B", "/b100", None), ("GET 1000 B", "/b1000", None),
                             ("POST 100 B gRPC-like", "/pkg.Svc/Call", post))[args.quick:]:
        out[name] = rounds(f"h2 {name}", "h2", o.port, args.proxies or ["relay", "haproxy", "nghttpx", "envoy", "outrigger"],
                           lambda port, secs, cpu: h2load(port, path, secs, cpu, body), args)
    o.stop()
    return out


def exp_tls(args):
    env = dict(os.environ, OPENSSL_CONF=str(H.WORK / "client-ssl.cnf"))
    proxies = args.proxies or ["nginx", "haproxy", "envoy", "outrigger"]
    o = origin(args, 1000)
    out = {"keep-alive 1000 B": rounds("tls keep-alive", "tls", o.port, proxies,
                                       lambda port, secs, cpu: wrk(f"https://127.0.0.1:{port}/bench", 32, secs, cpu, env), args)}
    for kind in ("full",) if args.quick else ("full", "resume"):
        out[f"new connection, {kind}"] = rounds(f"tls {kind}", "tls", o.port, proxies,
                                                lambda port, secs, cpu: H.tool([H.BIN / "tlsgen", port, 8, secs, kind], cpu), args)
    o.stop()
    return out


def exp_tcp(args):
    proxies = args.proxies or ["relay", "nginx", "haproxy", "envoy", "outrigger"]
    cpu_l = None if args.unpinned else H.LOAD_CPU
    port = H.port()
    o = H.Process([H.BIN / "tcpgen", "echo", port], cpu_l, port)
    out = {"ping-pong 64 B, 32 conns": rounds("tcp pingpong", "tcp", o.port, proxies,
                                              lambda port, secs, cpu: H.tool([H.BIN / "tcpgen", "pingpong", port, 32, 64, secs], cpu), args)}
    o.stop()
    port = H.port()
    o = H.Process([H.BIN / "tcpgen", "sink", port], cpu_l, port)
    gib = 1 << 30

    def stream(port, secs, cpu):
        r = H.tool([H.BIN / "tcpgen", "stream", port, 4, gib], cpu)
        r["rps"] = 1 / r["secs"]  # GiB a second
        r["p50_us"] = r["p99_us"] = None
        return r
    out["stream 1 GiB, 4 conns (us = us per GiB, rps = GiB/s)"] = rounds(
        "tcp stream", "tcp", o.port, proxies, stream, args, work=lambda r: 1)
    o.stop()
    return out


def rpc_proxies(args):
    """MOSN where it was built: it takes minutes, and Go."""
    try:
        H.places.mosn()
        return args.proxies or ["relay", "envoy", "mosn", "outrigger"]
    except H.places.Missing as e:
        print(e, flush=True)
        return args.proxies or ["relay", "envoy", "outrigger"]


def exp_dubbo(args):
    port = H.port()
    o = H.Process([H.BIN / "dubbo", "server", port], None if args.unpinned else H.LOAD_CPU, port)
    out = {}
    for size in (1000,) if args.quick else (100, 1000):
        out[f"{size} B, 16 conns x 8"] = rounds(f"dubbo {size}", "dubbo", o.port, rpc_proxies(args),
                                                lambda port, secs, cpu: H.tool([H.BIN / "dubbo", "client", port, 16, 8, size, secs], cpu), args)
    out["1000 B, 1 conn x 1"] = rounds("dubbo 1x1", "dubbo", o.port, rpc_proxies(args),
                                       lambda port, secs, cpu: H.tool([H.BIN / "dubbo", "client", port, 1, 1, 1000, secs], cpu), args)
    out["1000 B, open loop 2000/s"] = rounds("dubbo 2000/s", "dubbo", o.port, rpc_proxies(args),
                                             lambda port, secs, cpu: H.tool([H.BIN / "dubbo", "client", port, 16, 256, 1000, secs, 2000], cpu), args)
    for body, what in (("order", "all the same"), ("orders", "each different, with a trace id")):
        out[f"routed by an argument behind 3 objects, and an attachment, {what}, 16 conns x 8"] = rounds(
            f"dubbo values {what}", "dubbo-values", o.port, args.proxies or ["relay", "outrigger"],
            lambda port, secs, cpu, body=body: H.tool([H.BIN / "dubbo", "client", port, 16, 8, body, secs], cpu), args)
    o.stop()
    return out


def exp_bolt(args):
    """Bolt beside Dubbo, messages of the same length."""
    def load(tool, conns, depth):
        return lambda port, secs, cpu: H.tool([H.BIN / tool, "client", port, conns, depth, 1000, secs], cpu)

    ports = {tool: H.port() for tool in ("bolt", "dubbo")}
    servers = [H.Process([H.BIN / tool, "server", port], None if args.unpinned else H.LOAD_CPU, port) for tool, port in ports.items()]
    out = {}
    for conns, depth in ((16, 8), (1, 1)):
        out.update(rounds_of({f"{tool} 1000 B, {conns} x {depth}": (tool, port, load(tool, conns, depth)) for tool, port in ports.items()},
                             [p for p in rpc_proxies(args) if "bolt" in ADAPTERS[p]["conf"]], args))
    for server in servers:
        server.stop()
    return out


def exp_latency(args):
    out = {}
    for ms in (0, 5):
        o = origin(args, 1000, ms * 1000)
        out[f"1000 rps, origin {ms} ms"] = rounds(
            f"latency {ms} ms", "h1", o.port, args.proxies or ["relay", "nginx", "haproxy", "envoy", "outrigger"],
            lambda port, secs, cpu: H.tool([H.BIN / "httpgen", "-p", port, "-c", 32, "-r", 1000, "-d", secs], cpu), args,
            direct=True)
        o.stop()
    return out


def exp_connrate(args):
    o = origin(args, 100)
    out = {"connection per request, 100 B, 32 at once": rounds(
        "connrate", "h1", o.port, args.proxies or ["relay", "nginx", "haproxy", "envoy", "outrigger"],
        lambda port, secs, cpu: H.tool([H.BIN / "httpgen", "-p", port, "-c", 32, "-d", secs, "-x"], cpu), args)}
    o.stop()
    return out


def main():
    from scale import exp_idle, exp_ready, exp_xds
    from restart import exp_restart
    experiments = {"h1": exp_h1, "h2": exp_h2, "tls": exp_tls, "tcp": exp_tcp, "dubbo": exp_dubbo, "bolt": exp_bolt,
                   "latency": exp_latency, "connrate": exp_connrate, "idle": exp_idle, "xds": exp_xds, "ready": exp_ready,
                   "restart": exp_restart}
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("experiments", nargs="+", choices=[*experiments, "all"])
    ap.add_argument("--proxies", type=lambda s: s.split(","))
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--secs", type=int, default=5)
    ap.add_argument("--unpinned", action="store_true")
    ap.add_argument("--quick", action="store_true", help="fewer sizes")
    args = ap.parse_args()
    H.setup()
    names = experiments if "all" in args.experiments else args.experiments
    failed = []
    for name in names:
        try:
            t0 = time.time()
            data = experiments[name](args)
            H.save(name + ("-unpinned" if args.unpinned else ""),
                   {"rounds": args.rounds, "secs": args.secs, "pinned": not args.unpinned, "took_s": round(time.time() - t0),
                    "columns": "each metric: [median, min, max] over the rounds", "rows": data})
        except Exception as e:  # the others are measured all the same: a program may not speak a protocol yet
            failed.append(name)
            print(f"-- {name} failed: {e}", file=sys.stderr, flush=True)
        finally:
            H.stop_all()
    return f"failed: {', '.join(failed)}" if failed else None


if __name__ == "__main__":
    sys.exit(main())

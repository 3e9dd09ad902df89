package demo.sofa;
import static demo.util.Calls.check;
import com.alipay.sofa.rpc.api.GenericService;
import com.alipay.sofa.rpc.config.*;
import com.alipay.sofa.rpc.context.RpcInvokeContext;
import demo.api.*;
import demo.util.*;
import java.util.*;
/** --url bolt://127.0.0.1:PORT (several joined by ',') and the options of the Dubbo consumer (--attach is request baggage, --header k=v a custom bolt header). */
public class Consumer {
    /* the high mark: or Bolt refuses calls while a large one is being written */
    static { System.setProperty("bolt.netty.buffer.high.watermark", "" + (64 << 20)); System.setProperty("invoke.baggage.enable", "true"); System.setProperty("context.attachment.enable", "true"); }
    static <T> ConsumerConfig<T> ref(Opt o, String url) {
        ConsumerConfig<T> c = new ConsumerConfig<T>().setApplication(new ApplicationConfig().setAppName(o.s("app", "demo-consumer"))).setInterfaceId(DemoService.class.getName()).setProtocol("bolt").setDirectUrl(url).setTimeout(o.i("timeout", 15000)).setConnectTimeout(15000).setRegister(false).setConnectionNum(o.i("connections", 1));
        if (o.s("uniqueId", null) != null) c.setUniqueId(o.s("uniqueId", null)); if (o.s("serialization", null) != null) c.setSerialization(o.s("serialization", null));
        c.setRepeatedReferLimit(-1); if (o.s("retries", null) != null) c.setRetries(o.i("retries", 0));
        return c;
    }
    static DemoService service(Opt o, String url) {
        ConsumerConfig<DemoService> c = ref(o, url); MethodConfig m = new MethodConfig(); m.setName("fire"); m.setInvokeType("oneway"); c.setMethods(new ArrayList<>(Collections.singletonList(m))); return c.refer();
    }
    static GenericService generic(Opt o, String url) { ConsumerConfig<GenericService> c = ref(o, url); c.setGeneric(true); return c.refer(); }
    static void expectFail(String msg, DemoService s, Class<?> want) {
        try { s.fail(msg); } catch (Throwable t) { check(want.isInstance(t), "exception " + t); check(t.getMessage().contains(msg), "message " + t.getMessage()); return; }
        check(false, "no exception");
    }
    public static void main(String[] args) throws Exception {
        Opt o = new Opt(args); String url = o.s("url", "bolt://127.0.0.1:12200"); Map<String, String> at = o.pairs("attach"), hd = o.pairs("header");
        Runnable pre = () -> { RpcInvokeContext.removeContext(); RpcInvokeContext c = RpcInvokeContext.getContext(); at.forEach(c::putRequestBaggage); hd.forEach(c::addCustomHeader); };
        DemoService s = service(o, url); GenericService g = o.b("no-generic") ? null : generic(o, url); Calls c = new Calls();
        c.kinds.put("sayHello", () -> { pre.run(); String r = s.sayHello("w\u00f6rld"); check(r.startsWith("hello w\u00f6rld"), r); return r; });
        c.kinds.put("add", () -> { pre.run(); int r = s.add(40, 2); check(r == 42, "" + r); return "" + r; });
        c.kinds.put("placeOrder", () -> { pre.run(); Order q = Order.sample(), r = s.placeOrder(q); check(r.getStatus() == OrderStatus.SHIPPED, "status"); check(q.equals(r), "order fields"); return r.getId(); });
        c.kinds.put("placeOrderNull", () -> { pre.run(); check(s.placeOrder(null) == null, "null"); return "null"; });
        c.kinds.put("failChecked", () -> { pre.run(); expectFail("boom", s, DemoException.class); return "DemoException"; });
        c.kinds.put("failRuntime", () -> { pre.run(); expectFail("runtime:boom", s, IllegalStateException.class); return "IllegalStateException"; });
        c.kinds.put("slow", () -> { pre.run(); String r = s.slow(30); check(r.equals("slept 30"), r); return r; });
        c.kinds.put("fire", () -> { pre.run(); s.fire("note"); return "sent"; });
        c.kinds.put("touch", () -> { pre.run(); s.touch(); return "void"; });
        c.kinds.put("echoAttachment", () -> { pre.run(); RpcInvokeContext.getContext().putRequestBaggage("x-probe", "p1"); String r = s.echoAttachment("x-probe"); check("p1".equals(r), r); return r; });
        c.kinds.put("attachments", () -> { pre.run(); Map<String, String> r = s.attachments(); at.forEach((k, v) -> check(v.equals(r.get(k)), k + "=" + r.get(k))); return r.toString(); });
        c.kinds.put("responseAttachment", () -> { pre.run(); s.touch(); String r = RpcInvokeContext.getContext().getResponseBaggage("srv-name"); check(r != null, "srv-name missing"); return r; });
        c.kinds.put("echo", () -> { pre.run(); List<Object> l = new ArrayList<>(Arrays.asList(1, 2L, 3.5, true, "s", null)); Object r = s.echo(l); check(l.equals(r), "" + r); return "" + r; });
        c.kinds.put("sum", () -> { pre.run(); long r = s.sum(new long[]{1, -2, 1L << 40}); check(r == (1L << 40) - 1, "" + r); return "" + r; });
        c.kinds.put("large", () -> { pre.run(); char[] x = new char[100000]; Arrays.fill(x, '\u4e2d'); int r = s.length(new String(x)); check(r == 100000, "" + r); return "" + r; });
        c.kinds.put("largeResponse", () -> { pre.run(); String r = s.repeat("abc\u4e2d", 50000); check(r.length() == 200000, "" + r.length()); return "" + r.length(); });
        c.kinds.put("next", () -> { pre.run(); OrderStatus r = s.next(OrderStatus.NEW); check(r == OrderStatus.PAID, "" + r); return "" + r; });
        c.kinds.put("times", () -> { pre.run(); java.math.BigDecimal r = s.times(new java.math.BigDecimal("123456789012345678901234567890.12345"), 2); check(r.equals(new java.math.BigDecimal("246913578024691357802469135780.24690")), "" + r); return "" + r; });
        c.kinds.put("reverse", () -> { pre.run(); byte[] b = new byte[70000]; for (int i = 0; i < b.length; i++) b[i] = (byte) (i * 7); byte[] r = s.reverse(b); for (int i = 0; i < b.length; i++) check(r.length == b.length && r[i] == b[b.length - 1 - i], "byte " + i); return "" + r.length; });
        /* Calls of many sizes at a time: each must get its own answer. */
        java.util.concurrent.atomic.AtomicInteger turn = new java.util.concurrent.atomic.AtomicInteger();
        if (o.s("method", "").contains("mixed")) c.kinds.put("mixed", () -> {
            int n = turn.incrementAndGet(); pre.run();
            try { switch (n % 5) {
            case 0: { String r = s.sayHello("n" + n); check(r.startsWith("hello n" + n + " "), r); break; }
            case 1: { int r = s.add(n, -1); check(r == n - 1, "" + r); break; }
            case 2: { String r = s.repeat(n + ".", 1 + n % 3000); check(r.startsWith(n + ".") && r.length() == (("" + n).length() + 1) * (1 + n % 3000), "" + r.length()); break; }
            case 3: { Order q = Order.sample(); q.setId("o" + n); Order r = s.placeOrder(q); check(("o" + n).equals(r.getId()), r.getId()); break; }
            default: { String v = "v" + n; RpcInvokeContext.getContext().putRequestBaggage("x-probe", v); String r = s.echoAttachment("x-probe"); check(v.equals(r), r); }
            } } catch (com.alipay.sofa.rpc.core.exception.SofaRpcException e) { throw new Exception(new String[]{"sayHello", "add", "repeat", "placeOrder", "echoAttachment"}[n % 5] + " got " + e, e); }
            return "" + n;
        });
        if (o.s("method", "").contains("huge")) c.kinds.put("huge", () -> { pre.run(); char[] x = new char[8 << 20]; Arrays.fill(x, 'h'); int r = s.length(new String(x)); check(r == 8 << 20, "" + r); return "" + r; });
        if (o.s("method", "").contains("hugeAnswer")) c.kinds.put("hugeAnswer", () -> { pre.run(); String r = s.repeat("0123456789abcdef", 1 << 19); check(r.length() == 8 << 20 && r.endsWith("def"), "" + r.length()); return "" + r.length(); });
        if (g != null) c.kinds.put("genericAdd", () -> { pre.run(); Object r = g.$invoke("add", new String[]{"int", "int"}, new Object[]{40, 2}); check(Integer.valueOf(42).equals(r), "" + r); return "" + r; });
        List<String> names = o.s("method", "all").equals("all") ? new ArrayList<>(c.kinds.keySet()) : Arrays.asList(o.s("method", "").split(","));
        int bad = o.s("hold", null) != null ? c.hold(c.kinds.get(o.s("method", "sayHello")), o.i("hold", 10), o.i("rate", 100), o.i("concurrency", 16), o.i("warm", 500)) : c.run(names, o.i("count", 1), o.i("concurrency", 1));
        System.exit(bad == 0 ? 0 : 1);
    }
}

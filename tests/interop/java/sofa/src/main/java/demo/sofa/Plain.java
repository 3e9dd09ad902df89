package demo.sofa;
import static demo.util.Calls.check;
import com.alipay.remoting.*;
import com.alipay.remoting.exception.RemotingException;
import com.alipay.remoting.rpc.*;
import com.alipay.remoting.rpc.protocol.SyncUserProcessor;
import demo.api.*;
import demo.util.Opt;
import java.util.concurrent.atomic.AtomicInteger;
/**
 * --port P --to Q [--count N]: a server of plain Bolt (no SOFA RPC) on P, and clients that call it by Q, which leads there. A line for each kind of call: KIND ok|fault N, with the
 * number of calls that went well.
 */
public class Plain {
    interface Call { void run(int n) throws Exception; }
    static int count;
    static void many(String kind, Call call) {
        int good = 0; Throwable last = null;
        for (int n = 0; n < count; n++) try { call.run(n); good++; } catch (Throwable t) { last = t; }
        System.out.println(kind + (good == count ? " ok " : " fault ") + good); System.out.flush();
        if (last != null) last.printStackTrace();
    }
    /** The processor's own class and words come back, in Bolt's own exception; a call that failed otherwise is a fault. */
    static void fails(String words, Call call) throws Exception {
        try { call.run(0); } catch (RemotingException e) {
            StringBuilder all = new StringBuilder(); for (Throwable t = e; t != null; t = t.getCause()) all.append(t).append(' ');
            check(all.indexOf(words) >= 0, "" + all); return;
        }
        check(false, "no exception");
    }
    public static void main(String[] args) throws Exception {
        Opt o = new Opt(args); count = o.i("count", 10); String to = "127.0.0.1:" + o.i("to", 12201); AtomicInteger heard = new AtomicInteger();
        RpcServer server = new RpcServer("127.0.0.1", o.i("port", 12200));
        server.registerUserProcessor(new SyncUserProcessor<Item>() {
            @Override public Object handleRequest(BizContext c, Item i) { if (i.getQty() < 0) throw new IllegalStateException("negative"); if (i.getSku().equals("oneway")) heard.incrementAndGet(); i.setQty(i.getQty() + 1); return i; }
            @Override public String interest() { return Item.class.getName(); }
        });
        server.startup();
        /* one client and one connection for each version: the pool key of Bolt ignores _PROTOCOL */
        for (String[] v : new String[][]{{"v1", "_PROTOCOL=1"}, {"v2-1", "_PROTOCOL=2&_VERSION=1"}, {"v2-2-crc", "_PROTOCOL=2&_VERSION=2"}, {"v2-2-nocrc", "_PROTOCOL=2&_VERSION=2"}}) {
            RpcClient client = new RpcClient(); client.startup();
            many(v[0], n -> {
                InvokeContext context = new InvokeContext(); if (v[0].endsWith("nocrc")) context.put(InvokeContext.BOLT_CRC_SWITCH, false);
                Item r = (Item) client.invokeSync(to + "?" + v[1], new Item("sku" + n, n, 0.5), context, 10000);
                check(r.getQty() == n + 1 && r.getSku().equals("sku" + n), r.getSku());
            });
            client.shutdown();
        }
        RpcClient client = new RpcClient(); client.startup();
        many("oneway", n -> client.oneway(to, new Item("oneway", n, 0.5)));
        for (int n = 0; n < 1000 && heard.get() < count; n++) Thread.sleep(10);
        check(heard.get() == count, heard + " one-way calls came");
        many("exception", n -> fails("negative", m -> client.invokeSync(to, new Item("sku", -1, 0.5), 10000)));
        many("nobody", n -> fails("No user processor found", m -> client.invokeSync(to, OrderStatus.NEW, 10000)));
        System.exit(0);
    }
}

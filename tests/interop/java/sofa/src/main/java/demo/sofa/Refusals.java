package demo.sofa;
import com.alipay.sofa.rpc.api.GenericService;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import demo.api.DemoService;
import demo.util.Opt;
import java.util.*;
/**
 * --case NAME=PORT,PORT.../METHOD[/RETRIES] ... : one call each, by a reference of its own; without RETRIES it makes none, as stock. METHOD slashed is a generic call of "a/b".
 * A line for each: NAME|class|type of the error|message|time in ms, or NAME|ok|result.
 */
public class Refusals {
    public static void main(String[] args) throws Exception {
        Opt o = new Opt(args);
        for (Map.Entry<String, String> e : o.pairs("case").entrySet()) {
            String[] at = e.getValue().split("/"); List<String> urls = new ArrayList<>(); for (String p : at[0].split(",")) urls.add("bolt://127.0.0.1:" + p);
            String url = String.join(",", urls), r; boolean slashed = at[1].equals("slashed"); long t0 = System.nanoTime(); o.o.put("retries", Collections.singletonList(at.length > 2 ? at[2] : "0"));
            try {
                DemoService s = slashed ? null : Consumer.service(o, url); GenericService g = slashed ? Consumer.generic(o, url) : null; t0 = System.nanoTime();
                r = "ok|" + (slashed ? g.$invoke("a/b", new String[0], new Object[0]) : s.sayHello("w"));
            } catch (Throwable t) {
                r = t.getClass().getName() + "|" + (t instanceof SofaRpcException ? ((SofaRpcException) t).getErrorType() : -1) + "|" + String.valueOf(t.getMessage()).replaceAll("[\\r\\n|]+", " ") + "|" + (System.nanoTime() - t0) / 1000000;
            }
            System.out.println(e.getKey() + "|" + r); System.out.flush();
        }
        System.out.println("end"); System.out.flush(); System.exit(0);
    }
}

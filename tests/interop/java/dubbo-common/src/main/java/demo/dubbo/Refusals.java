package demo.dubbo;
import demo.api.DemoService;
import demo.util.*;
import java.util.*;
import org.apache.dubbo.rpc.service.GenericService;
/**
 * --case NAME=PORT,PORT.../METHOD[/KEY=ATTACHMENT] ... [--timeout MS] : one call each, by a reference of its own with the retries that Dubbo has by itself.
 * METHOD nameless is a generic call of "". A line for each: NAME|class|code|message|cause's class|tries' time in ms, or NAME|ok|result.
 */
public class Refusals {
    static String line(Throwable t) { return t == null ? "" : String.valueOf(t.getMessage()).replaceAll("[\\r\\n|]+", " "); }
    public static void main(String[] args) throws Exception {
        Opt o = new Opt(args); Loop.pin(o); o.o.put("retries", Collections.singletonList("stock"));
        for (Map.Entry<String, String> e : o.pairs("case").entrySet()) {
            String[] at = e.getValue().split("/"); List<String> urls = new ArrayList<>(); for (String p : at[0].split(",")) urls.add("dubbo://127.0.0.1:" + p);
            String url = String.join(";", urls), r; boolean nameless = at[1].equals("nameless");
            DemoService s = nameless ? null : Consumer.service(o, url); GenericService g = nameless ? Consumer.generic(o, url) : null; long t0 = System.nanoTime();
            if (at.length > 2) { String[] kv = at[2].split("="); Ctx.put(kv[0], kv[1]); }
            try { r = "ok|" + (nameless ? g.$invoke("", new String[0], new Object[0]) : at[1].equals("add") ? "" + s.add(40, 2) : at[1].equals("slow") ? s.slow(30) : s.sayHello("w")); }
            catch (Throwable t) { r = t.getClass().getName() + "|" + Calls.code(t).trim() + "|" + line(t) + "|" + (t.getCause() == null ? "" : t.getCause().getClass().getName()) + "|" + (System.nanoTime() - t0) / 1000000; }
            System.out.println(e.getKey() + "|" + r); System.out.flush();
        }
        System.out.println("end"); System.out.flush(); System.exit(0);
    }
}

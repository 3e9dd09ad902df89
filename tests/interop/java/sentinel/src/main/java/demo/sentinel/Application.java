package demo.sentinel;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.context.ContextUtil;
import com.alibaba.csp.sentinel.init.InitExecutor;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import java.io.BufferedReader;
import java.io.InputStreamReader;

/** An application that uses Sentinel. Each line on stdin: CONTEXT ORIGIN RESOURCE [ARG] makes an inbound call ("-": none); prints pass or block. */
public final class Application {
    public static void main(String[] args) throws Exception {
        InitExecutor.doInit();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            ContextUtil.enter(words[0], words[1].equals("-") ? "" : words[1]);
            Object[] arguments = words.length > 3 ? new Object[] {words[3]} : new Object[0];
            try {
                Entry entry = SphU.entry(words[2], 2, EntryType.IN, arguments);
                entry.exit(1, arguments);
                System.out.println("pass");
            } catch (BlockException e) {
                System.out.println("block");
            }
            ContextUtil.exit();
        }
        System.exit(0);
    }

    private Application() {}
}

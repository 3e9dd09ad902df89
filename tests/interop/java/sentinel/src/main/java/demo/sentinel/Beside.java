package demo.sentinel;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.Tracer;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRule;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import com.alibaba.fastjson.JSON;
import java.io.PrintStream;
import java.util.concurrent.locks.LockSupport;

/**
 * An application that uses Sentinel and gets the same calls as somebody else at the same time.
 * flow|degrade RULES RESOURCE FILE WALL_MS RATE SECONDS FAIL_FROM_MS FAIL_UNTIL_MS: a call is due each 1/RATE s from WALL_MS on; between the
 * two it fails. FILE gets a line for each: when it was due in microseconds from WALL_MS, 1 for a pass and 0 for a block.
 */
public final class Beside {
    public static void main(String[] args) throws Exception {
        String resource = args[2];
        long start = Long.parseLong(args[4]), from = Long.parseLong(args[7]), until = Long.parseLong(args[8]);
        double rate = Double.parseDouble(args[5]);
        int total = (int) (rate * Double.parseDouble(args[6]));
        boolean[] passed = new boolean[total];
        if (args[0].equals("flow"))
            FlowRuleManager.loadRules(JSON.parseArray(args[1], FlowRule.class));
        else
            DegradeRuleManager.loadRules(JSON.parseArray(args[1], DegradeRule.class));
        SphU.entry("warm", EntryType.IN).exit();
        System.out.println("ready");
        long first = System.nanoTime() + (start - System.currentTimeMillis()) * 1_000_000;
        for (int i = 0; i < total; i++) {
            long due = first + (long) (i * 1e9 / rate);
            for (long left; (left = due - System.nanoTime()) > 0; )
                LockSupport.parkNanos(left);
            try {
                Entry entry = SphU.entry(resource, EntryType.IN);
                long now = System.currentTimeMillis();
                if (now >= from && now < until)
                    Tracer.traceEntry(new IllegalStateException("failed"), entry);
                entry.exit();
                passed[i] = true;
            } catch (BlockException e) {
                passed[i] = false;
            }
        }
        try (PrintStream out = new PrintStream(args[3])) {
            for (int i = 0; i < total; i++)
                out.println((long) (i * 1e6 / rate) + " " + (passed[i] ? 1 : 0));
        }
        System.exit(0);
    }

    private Beside() {}
}

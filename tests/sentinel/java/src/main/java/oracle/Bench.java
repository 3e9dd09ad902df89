package oracle;

import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.alibaba.csp.sentinel.slots.block.RuleConstant;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRule;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRuleManager;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;

/**
 * What an entry with its exit costs in Sentinel for Java, by real time: CPU of the calling thread, in ns. The cases are those of tests/bench/micro/sentinel.c.
 * Usage: oracle.Bench CALLS. Each case runs five times, the first ones warm the compiler; the least counts.
 */
public final class Bench {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final String[] VALUES = new String[1000];
    private static final int ROUNDS = 5;

    private static long passed;

    private static FlowRule flow(String resource, double count, int grade, int queueing) {
        FlowRule rule = new FlowRule(resource);
        rule.setCount(count);
        rule.setGrade(grade);
        rule.setMaxQueueingTimeMs(queueing);
        return rule;
    }

    private static void load() {
        FlowRuleManager.loadRules(List.of(flow("ruled", 1e9, RuleConstant.FLOW_GRADE_QPS, 500), flow("ruled", 100000, RuleConstant.FLOW_GRADE_THREAD, 500),
            flow("ruled", 2e9, RuleConstant.FLOW_GRADE_QPS, 7), flow("blocked", 0, RuleConstant.FLOW_GRADE_QPS, 500)));
        DegradeRuleManager.loadRules(List.of(new DegradeRule("ruled").setGrade(RuleConstant.DEGRADE_GRADE_EXCEPTION_RATIO).setCount(0.5).setTimeWindow(1)));
        ParamFlowRuleManager.loadRules(List.of(new ParamFlowRule("ruled").setParamIdx(0).setCount(1e9)));
    }

    private static void call(String resource, Object value) {
        try {
            Entry entry = SphU.entry(resource, 2, EntryType.IN, new Object[] {value});
            passed++;
            entry.exit(1, value);
        } catch (BlockException e) {
            // it is blocked
        }
    }

    private static double measure(String resource, int calls) {
        long began = THREADS.getCurrentThreadCpuTime();
        for (int i = 0; i < calls; i++) call(resource, VALUES[i % VALUES.length]);
        return (THREADS.getCurrentThreadCpuTime() - began) / (double) calls;
    }

    public static void main(String[] args) {
        int calls = Integer.parseInt(args[0]);
        for (int i = 0; i < VALUES.length; i++) VALUES[i] = "customer-" + i;
        load();
        for (String resource : new String[] {"free", "ruled", "blocked"}) {
            double least = Double.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) least = Math.min(least, measure(resource, calls));
            System.out.printf("java %s %.1f ns%n", resource, least);
        }
        if (passed != 2L * ROUNDS * calls) throw new IllegalStateException("passed " + passed);
        System.exit(0);
    }
}

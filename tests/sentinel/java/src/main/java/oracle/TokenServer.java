package oracle;

import com.alibaba.csp.sentinel.cluster.flow.rule.ClusterFlowRuleManager;
import com.alibaba.csp.sentinel.cluster.flow.rule.ClusterParamFlowRuleManager;
import com.alibaba.csp.sentinel.cluster.server.SentinelDefaultTokenServer;
import com.alibaba.csp.sentinel.cluster.server.config.ClusterServerConfigManager;
import com.alibaba.csp.sentinel.cluster.server.config.ServerFlowConfig;
import com.alibaba.csp.sentinel.cluster.server.config.ServerTransportConfig;
import com.alibaba.csp.sentinel.property.DynamicSentinelProperty;
import com.alibaba.csp.sentinel.slots.block.ClusterRuleConstant;
import com.alibaba.csp.sentinel.slots.block.flow.ClusterFlowConfig;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowClusterConfig;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/**
 * TokenServer PORT [QPS]: Sentinel's token server; namespace demo-app: flow 101 (5 a second), 102 (1,000,000), 103 (5 for each client), hot parameter 202 (2), and the same again, 20 times in
 * all, with ids 1000 higher each time. QPS: its guard's.
 */
public class TokenServer {
    private static final int TIMES = 20;

    private static FlowRule flow(long id, double count, int threshold) {
        FlowRule rule = new FlowRule("flow-" + id);
        rule.setCount(count);
        rule.setClusterMode(true);
        rule.setClusterConfig(new ClusterFlowConfig().setFlowId(id).setThresholdType(threshold));
        return rule;
    }

    private static ParamFlowRule param(long id) {
        ParamFlowRule rule = new ParamFlowRule("hot-" + id);
        rule.setParamIdx(0).setCount(2).setClusterMode(true)
            .setClusterConfig(new ParamFlowClusterConfig().setFlowId(id).setThresholdType(ClusterRuleConstant.FLOW_THRESHOLD_GLOBAL));
        return rule;
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("project.name", "token-server");
        ClusterFlowRuleManager.setPropertySupplier(name -> new DynamicSentinelProperty<>());
        ClusterParamFlowRuleManager.setPropertySupplier(name -> new DynamicSentinelProperty<>());
        if (args.length > 1) ClusterServerConfigManager.loadGlobalFlowConfig(new ServerFlowConfig().setMaxAllowedQps(Double.parseDouble(args[1])));
        ClusterServerConfigManager.loadServerNamespaceSet(new HashSet<>(Arrays.asList("demo-app", "default")));
        List<FlowRule> flows = new ArrayList<>();
        List<ParamFlowRule> params = new ArrayList<>();
        for (long more = 0; more < TIMES * 1000; more += 1000) {
            flows.add(flow(101 + more, 5, ClusterRuleConstant.FLOW_THRESHOLD_GLOBAL));
            flows.add(flow(102 + more, 1000000, ClusterRuleConstant.FLOW_THRESHOLD_GLOBAL));
            flows.add(flow(103 + more, 5, ClusterRuleConstant.FLOW_THRESHOLD_AVG_LOCAL));
            params.add(param(202 + more));
        }
        ClusterFlowRuleManager.loadRules("demo-app", flows);
        ClusterParamFlowRuleManager.loadRules("demo-app", params);
        ClusterServerConfigManager.loadGlobalTransportConfig(new ServerTransportConfig(Integer.parseInt(args[0]), 600));
        new SentinelDefaultTokenServer(false).start();
        System.out.println("ready");
        System.out.flush();
        Thread.sleep(Long.MAX_VALUE);
    }
}

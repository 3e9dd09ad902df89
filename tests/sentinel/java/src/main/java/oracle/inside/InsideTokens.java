package oracle.inside;

import com.alibaba.csp.sentinel.cluster.TokenResult;
import com.alibaba.csp.sentinel.cluster.flow.DefaultTokenService;
import com.alibaba.csp.sentinel.cluster.flow.rule.ClusterFlowRuleManager;
import com.alibaba.csp.sentinel.cluster.flow.rule.ClusterParamFlowRuleManager;
import com.alibaba.csp.sentinel.cluster.server.config.ClusterServerConfigManager;
import com.alibaba.csp.sentinel.cluster.server.config.ServerFlowConfig;
import com.alibaba.csp.sentinel.cluster.server.connection.ConnectionManager;
import com.alibaba.csp.sentinel.property.DynamicSentinelProperty;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRule;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** A token server's decisions, in the isolated class loader. */
public class InsideTokens {
    private final Gson gson = new Gson();
    private final DefaultTokenService service = new DefaultTokenService();
    private final Map<String, Integer> clients = new HashMap<>();

    public void begin(String json) {
        JsonObject scenario = JsonParser.parseString(json).getAsJsonObject();
        ClusterFlowRuleManager.setPropertySupplier(name -> new DynamicSentinelProperty<>());
        ClusterParamFlowRuleManager.setPropertySupplier(name -> new DynamicSentinelProperty<>());
        if (scenario.has("config")) configure(scenario.getAsJsonObject("config"));
        ClusterServerConfigManager.loadServerNamespaceSet(new HashSet<>(scenario.getAsJsonObject("name_spaces").keySet()));
        scenario.getAsJsonObject("name_spaces").entrySet().forEach(e -> load(e.getKey(), e.getValue().getAsJsonObject()));
    }

    private void configure(JsonObject config) {
        ClusterServerConfigManager.loadGlobalFlowConfig(gson.fromJson(config, ServerFlowConfig.class));
    }

    private <T> List<T> read(JsonObject from, String kind, Class<T> type) {
        List<T> rules = new ArrayList<>();
        for (JsonElement rule : from.getAsJsonArray(kind)) rules.add(gson.fromJson(rule, type));
        return rules;
    }

    private void load(String name, JsonObject from) {
        if (from.has("flow")) ClusterFlowRuleManager.loadRules(name, read(from, "flow", FlowRule.class));
        if (from.has("param")) ClusterParamFlowRuleManager.loadRules(name, read(from, "param", ParamFlowRule.class));
        if (!from.has("clients")) return;
        for (int wanted = from.get("clients").getAsInt(), is; (is = clients.getOrDefault(name, 0)) != wanted; ) {
            if (is < wanted) ConnectionManager.addConnection(name, "10.0.0.1:" + is);
            else ConnectionManager.removeConnection(name, "10.0.0.1:" + (is - 1));
            clients.put(name, is < wanted ? is + 1 : is - 1);
        }
    }

    private static Object value(JsonArray pair) {
        JsonPrimitive value = pair.get(1).getAsJsonPrimitive();
        switch (pair.get(0).getAsString()) {
            case "int": return value.getAsInt();
            case "long": return value.getAsLong();
            case "byte": return value.getAsByte();
            case "short": return value.getAsShort();
            case "double": return value.getAsDouble();
            case "float": return value.getAsFloat();
            case "boolean": return value.getAsBoolean();
            default: return value.getAsString();
        }
    }

    /** [status, remaining, wait in ms] of a question, or null. */
    public String event(String json) {
        JsonObject event = JsonParser.parseString(json).getAsJsonObject();
        String op = event.get("op").getAsString();
        if (op.equals("config")) configure(event.getAsJsonObject("config"));
        if (op.equals("name_space")) load(event.get("name").getAsString(), event);
        if (!op.equals("flow") && !op.equals("param")) return "null";
        long id = event.get("id").getAsLong();
        int count = event.get("count").getAsInt();
        TokenResult result;
        if (op.equals("flow")) {
            result = service.requestToken(id, count, event.has("prioritized") && event.get("prioritized").getAsBoolean());
        } else {
            List<Object> values = new ArrayList<>();
            for (JsonElement pair : event.getAsJsonArray("values")) values.add(value(pair.getAsJsonArray()));
            result = service.requestParamToken(id, count, values);
        }
        return gson.toJson(new int[] {result.getStatus(), result.getRemaining(), result.getWaitInMs()});
    }
}

package oracle.inside;

import com.alibaba.csp.sentinel.Constants;
import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.Env;
import com.alibaba.csp.sentinel.Tracer;
import com.alibaba.csp.sentinel.cluster.ClusterStateManager;
import com.alibaba.csp.sentinel.context.Context;
import com.alibaba.csp.sentinel.context.ContextUtil;
import com.alibaba.csp.sentinel.node.ClusterNode;
import com.alibaba.csp.sentinel.node.Node;
import com.alibaba.csp.sentinel.slots.block.AbstractRule;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.alibaba.csp.sentinel.slots.block.RuleManager;
import com.alibaba.csp.sentinel.slots.block.authority.AuthorityException;
import com.alibaba.csp.sentinel.slots.block.authority.AuthorityRule;
import com.alibaba.csp.sentinel.slots.block.authority.AuthorityRuleManager;
import com.alibaba.csp.sentinel.slots.block.degrade.DefaultCircuitBreakerRuleManager;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeException;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRule;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRuleManager;
import com.alibaba.csp.sentinel.slots.block.degrade.circuitbreaker.CircuitBreaker;
import com.alibaba.csp.sentinel.slots.block.degrade.circuitbreaker.EventObserverRegistry;
import com.alibaba.csp.sentinel.slots.block.flow.FlowException;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowException;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.param.ParamFlowRuleManager;
import com.alibaba.csp.sentinel.slots.clusterbuilder.ClusterBuilderSlot;
import com.alibaba.csp.sentinel.slots.system.SystemBlockException;
import com.alibaba.csp.sentinel.slots.system.SystemRule;
import com.alibaba.csp.sentinel.slots.system.SystemRuleManager;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import oracle.Host;

/** Lives in the isolated class loader, beside the rewritten Sentinel. */
public class Inside {
    private static final int RPC = 2;

    /** A call that is under way, for those that cancel it. */
    private static final class Call {
        final JsonObject result = new JsonObject();
        Context context;
        Entry outer; // of the interface, once it passed
        int count;
        boolean passed, over;
    }

    private final Host host;
    private final Gson gson = new Gson();
    private final JsonArray breakers = new JsonArray(), snapshots = new JsonArray(), orders = new JsonArray();
    private final TreeMap<Integer, Call> calls = new TreeMap<>();
    private final List<FlowRule> flow = new ArrayList<>();
    private final List<DegradeRule> degrade = new ArrayList<>();
    private final List<SystemRule> system = new ArrayList<>();
    private final List<AuthorityRule> authority = new ArrayList<>();
    private final List<ParamFlowRule> param = new ArrayList<>();

    public Inside(Host host) {
        this.host = host;
    }

    public void begin(String json) throws ReflectiveOperationException {
        JsonObject scenario = JsonParser.parseString(json).getAsJsonObject();
        if (scenario.has("properties"))
            scenario.getAsJsonObject("properties").entrySet().forEach(e -> System.setProperty(e.getKey(), e.getValue().getAsString()));
        EventObserverRegistry.getInstance().addStateChangeObserver("oracle", (from, to, rule, value) -> {
            JsonObject change = new JsonObject();
            change.addProperty("t_ms", host.ms());
            change.addProperty("resource", rule.getResource());
            change.addProperty("rule_index", index(degrade, rule));
            change.addProperty("from", from.name());
            change.addProperty("to", to.name());
            if (value != null) change.addProperty("snapshot", value);
            breakers.add(change);
        });
        ClusterStateManager.applyState(ClusterStateManager.CLUSTER_CLIENT);
        load(scenario.getAsJsonObject("rules"));
    }

    private <T> boolean read(JsonObject rules, String kind, Class<T> type, List<T> into) {
        if (!rules.has(kind)) return false;
        into.clear();
        for (JsonElement rule : rules.getAsJsonArray(kind)) into.add(gson.fromJson(rule, type));
        return true;
    }

    private static boolean isDefault(DegradeRule rule) {
        return !rule.isRegex() && "*".equals(rule.getResource());
    }

    private static List<DegradeRule> defaults(List<DegradeRule> rules, boolean are) {
        List<DegradeRule> some = new ArrayList<>();
        for (DegradeRule rule : rules) if (isDefault(rule) == are) some.add(rule);
        return some;
    }

    private void load(JsonObject rules) throws ReflectiveOperationException {
        if (read(rules, "flow", FlowRule.class, flow)) FlowRuleManager.loadRules(new ArrayList<>(flow));
        if (read(rules, "degrade", DegradeRule.class, degrade)) {
            DegradeRuleManager.loadRules(defaults(degrade, false));
            DefaultCircuitBreakerRuleManager.loadRules(defaults(degrade, true));
        }
        if (read(rules, "system", SystemRule.class, system)) SystemRuleManager.loadRules(new ArrayList<>(system));
        if (read(rules, "authority", AuthorityRule.class, authority)) AuthorityRuleManager.loadRules(new ArrayList<>(authority));
        if (read(rules, "paramFlow", ParamFlowRule.class, param)) ParamFlowRuleManager.loadRules(new ArrayList<>(param));
        orders.add(order());
    }

    private static int index(List<? extends AbstractRule> rules, Object rule) {
        for (int i = 0; i < rules.size(); i++) if (rules.get(i) == rule) return i;
        for (int i = 0; i < rules.size(); i++) if (rules.get(i).equals(rule)) return i;
        return -1;
    }

    private static JsonArray order(List<? extends AbstractRule> given, Collection<? extends AbstractRule> kept) {
        JsonArray order = new JsonArray();
        for (AbstractRule rule : kept) order.add(index(given, rule));
        return order;
    }

    private static Object field(Class<?> owner, String name) throws ReflectiveOperationException {
        Field field = owner.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(null);
    }

    /** In which order the rules of each kind are asked: that of hash sets and hash maps, where nothing sorts them. */
    @SuppressWarnings("unchecked")
    private JsonObject order() throws ReflectiveOperationException {
        JsonObject order = new JsonObject();
        List<DegradeRule> asked = new ArrayList<>();
        for (CircuitBreaker breaker : ((RuleManager<CircuitBreaker>) field(DegradeRuleManager.class, "circuitBreakers")).getRules())
            asked.add(breaker.getRule());
        asked.addAll((Collection<DegradeRule>) field(DefaultCircuitBreakerRuleManager.class, "rules"));
        order.add("flow", order(flow, FlowRuleManager.getRules()));
        order.add("degrade", order(degrade, asked));
        order.add("paramFlow", order(param, ParamFlowRuleManager.getRules()));
        order.add("authority", order(authority, AuthorityRuleManager.getRules()));
        return order;
    }

    private static Object argument(JsonElement json) {
        if (json.isJsonNull()) return null;
        if (json.isJsonArray()) {
            List<Object> list = new ArrayList<>();
            for (JsonElement e : json.getAsJsonArray()) list.add(argument(e));
            return list;
        }
        JsonPrimitive value = json.getAsJsonPrimitive();
        String text = value.getAsString();
        if (value.isBoolean()) return value.getAsBoolean();
        if (value.isString()) return text.startsWith("L:") ? (Object) Long.valueOf(text.substring(2)) : text;
        return text.contains(".") ? (Object) value.getAsDouble() : (Object) value.getAsInt();
    }

    private static String text(JsonObject json, String name, String absent) {
        return json.has(name) ? json.get(name).getAsString() : absent;
    }

    private static boolean is(JsonObject json, String name) {
        return json.has(name) && json.get(name).getAsBoolean();
    }

    private static double real(JsonObject json, String name) {
        return json.has(name) ? json.get(name).getAsDouble() : 0;
    }

    public void event(int number, String json) throws ReflectiveOperationException {
        JsonObject event = JsonParser.parseString(json).getAsJsonObject();
        String op = text(event, "op", "entry");
        host.step(op, number);
        switch (op) {
            case "snapshot":
                snapshot(number);
                break;
            case "rules":
                load(event.getAsJsonObject("rules"));
                break;
            case "load":
                host.setLoad(real(event, "load"), real(event, "cpu"));
                break;
            case "cancel":
                cancel(event.get("event").getAsInt());
                break;
            default:
                call(number, event, op.equals("call"));
        }
    }

    private static Entry enter(JsonObject event, String resource, Object[] args) throws BlockException {
        EntryType type = text(event, "type", "IN").equals("OUT") ? EntryType.OUT : EntryType.IN;
        int count = event.has("count") ? event.get("count").getAsInt() : 1;
        return Env.sph.entryWithType(resource, RPC, type, count, is(event, "prioritized"), args);
    }

    /** An entry of one resource or, as Dubbo's adapter makes them, of an interface and in it one of a method. */
    private void call(int number, JsonObject event, boolean nested) {
        JsonArray list = event.has("args") ? event.getAsJsonArray("args") : new JsonArray();
        Object[] args = new Object[list.size()];
        for (int i = 0; i < args.length; i++) args[i] = argument(list.get(i));
        int count = event.has("count") ? event.get("count").getAsInt() : 1;
        String resource = text(event, "resource", ""), method = text(event, "method", "");
        boolean outbound = text(event, "type", "IN").equals("OUT");
        String context = text(event, "context", nested ? outbound ? "" : method : "oracle_context");
        ScriptedClient.Script script = new ScriptedClient.Script(host, event.has("tokens") ? event.getAsJsonArray("tokens") : null);
        ScriptedClient.SCRIPT.set(script);
        Call call = new Call();
        call.count = count;
        call.result.addProperty("event", number);
        call.result.addProperty("t_ms", host.ms());
        calls.put(number, call);
        host.takeWaitedNs();
        Entry entry = null;
        if (!context.isEmpty()) ContextUtil.enter(context, text(event, "origin", ""));
        try {
            if (nested) {
                call.outer = enter(event, resource, new Object[0]);
                call.context = ContextUtil.getContext();
            }
            entry = enter(event, nested ? method : resource, args);
            call.passed = true;
            call.result.addProperty("result", "pass");
            boolean waited = tellWait(call.result);
            call.result.addProperty("decided_t_ms", host.ms());
            if (waited) host.step("resume", number);
            long rt = event.has("rt_ms") ? event.get("rt_ms").getAsLong() : 0;
            if (rt > 0) host.hold(rt);
            if (is(event, "error")) {
                Tracer.traceEntry(new RuntimeException("injected"), entry);
                Tracer.traceEntry(new RuntimeException("injected"), call.outer);
            }
        } catch (BlockException e) {
            tellBlock(call.result, e);
            if (nested) call.result.addProperty("blocked_by", call.outer == null ? "interface" : "method");
        } finally {
            if (script.asked.size() > 0) call.result.add("tokens", script.asked);
            if (entry != null) {
                host.step("exit", number);
                call.result.addProperty("exit_t_ms", host.ms());
                entry.exit(count, args);
            }
            if (call.outer != null) call.outer.exit(count);
            if (!context.isEmpty()) ContextUtil.exit();
            call.over = true;
        }
    }

    /** A call that waits never goes on, and one that runs is over now. */
    private void cancel(int number) {
        Call call = calls.get(number);
        if (call == null || call.over) return;
        if (call.passed) {
            host.hurry(number);
            return;
        }
        host.drop(number);
        call.over = true;
        call.result.addProperty("result", "cancelled");
        call.result.addProperty("decided_t_ms", host.ms());
        if (call.outer == null) return;
        call.context.setCurEntry(call.outer); // the method's entry has come to nothing
        call.outer.exit(call.count);
    }

    private boolean tellWait(JsonObject result) {
        long ns = host.takeWaitedNs();
        if (ns == 0) return false;
        if (ns % 1000000L == 0) result.addProperty("wait_ms", ns / 1000000L);
        else result.addProperty("wait_ms", ns / 1e6);
        result.addProperty("wait_ns", ns);
        return true;
    }

    private void tellBlock(JsonObject result, BlockException e) {
        result.addProperty("result", "block");
        tellWait(result);
        result.addProperty("decided_t_ms", host.ms());
        result.addProperty("exception", e.getClass().getSimpleName());
        result.addProperty("rule_limit_app", e.getRuleLimitApp());
        if (e instanceof SystemBlockException) {
            result.addProperty("system_limit", ((SystemBlockException) e).getLimitType());
            return;
        }
        List<? extends AbstractRule> rules = e instanceof FlowException ? flow : e instanceof DegradeException ? degrade
            : e instanceof AuthorityException ? authority : e instanceof ParamFlowException ? param : new ArrayList<>();
        result.addProperty("rule_index", index(rules, e.getRule()));
    }

    private static JsonObject node(Node node) {
        JsonObject o = new JsonObject();
        o.addProperty("passQps", node.passQps());
        o.addProperty("blockQps", node.blockQps());
        o.addProperty("totalQps", node.totalQps());
        o.addProperty("successQps", node.successQps());
        o.addProperty("exceptionQps", node.exceptionQps());
        o.addProperty("avgRt", node.avgRt());
        o.addProperty("minRt", node.minRt());
        o.addProperty("curThreadNum", node.curThreadNum());
        o.addProperty("maxSuccessQps", node.maxSuccessQps());
        o.addProperty("occupiedPassQps", node.occupiedPassQps());
        o.addProperty("waiting", node.waiting());
        o.addProperty("previousPassQps", node.previousPassQps());
        o.addProperty("previousBlockQps", node.previousBlockQps());
        o.addProperty("minute_totalPass", node.totalPass());
        o.addProperty("minute_totalRequest", node.totalRequest());
        o.addProperty("minute_blockRequest", node.blockRequest());
        o.addProperty("minute_totalSuccess", node.totalSuccess());
        o.addProperty("minute_totalException", node.totalException());
        return o;
    }

    private void snapshot(int number) {
        JsonObject shot = new JsonObject(), nodes = new JsonObject();
        TreeMap<String, ClusterNode> sorted = new TreeMap<>();
        ClusterBuilderSlot.getClusterNodeMap().forEach((name, node) -> sorted.put(name.getName(), node));
        sorted.forEach((name, node) -> {
            nodes.add(name, node(node));
            new TreeMap<>(node.getOriginCountMap()).forEach((origin, of) -> nodes.add(name + " origin=" + origin, node(of)));
        });
        nodes.add(Constants.TOTAL_IN_RESOURCE_NAME, node(Constants.ENTRY_NODE));
        shot.addProperty("event", number);
        shot.addProperty("t_ms", host.ms());
        shot.add("nodes", nodes);
        snapshots.add(shot);
    }

    public String finish(int events) {
        snapshot(events);
        JsonObject expected = new JsonObject();
        JsonArray results = new JsonArray();
        Map<String, Integer> counts = new HashMap<>();
        for (Call call : calls.values()) {
            results.add(call.result);
            counts.merge(call.result.get("result").getAsString(), 1, Integer::sum);
        }
        expected.add("rule_check_order", orders.get(orders.size() - 1));
        expected.add("rule_check_orders", orders);
        expected.addProperty("passed", counts.getOrDefault("pass", 0));
        expected.addProperty("blocked", counts.getOrDefault("block", 0));
        expected.add("results", results);
        expected.add("breakers", breakers);
        expected.add("snapshots", snapshots);
        return gson.toJson(expected);
    }
}

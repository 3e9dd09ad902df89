package oracle;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;

/** Oracle FILE...: runs each scenario on the real classes of Sentinel in virtual time, and writes what happened into the file's "expected". */
public class Oracle {
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    static JsonObject run(JsonObject scenario) throws Exception {
        long base = scenario.get("base_ms").getAsLong();
        VirtualClock clock = new VirtualClock(base);
        VirtualClock.current = clock;
        JsonArray timeline = new JsonArray();
        OracleLoader loader = new OracleLoader(Oracle.class.getClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        Host host = new Host() {
            @Override
            public long ms() {
                return VirtualClock.ms() - base;
            }

            @Override
            public void hold(long ms) {
                clock.pause(ms * 1000000L);
            }

            @Override
            public long takeWaitedNs() {
                return VirtualClock.takeWaitedNs();
            }

            @Override
            public void step(String kind, int event) {
                JsonArray step = new JsonArray();
                step.add(ms());
                step.add(kind);
                step.add(event);
                timeline.add(step);
            }

            @Override
            public void setLoad(double load, double cpu) {
                clock.load = load;
                clock.cpu = cpu;
            }

            @Override
            public void drop(int event) {
                clock.drop(event);
            }

            @Override
            public void hurry(int event) {
                clock.hurry(event);
            }
        };
        Object inside = loader.loadClass("oracle.inside.Inside").getConstructor(Host.class).newInstance(host);
        Method begin = inside.getClass().getMethod("begin", String.class);
        Method event = inside.getClass().getMethod("event", int.class, String.class);
        Method finish = inside.getClass().getMethod("finish", int.class);
        begin.invoke(inside, scenario.toString());
        JsonArray events = scenario.getAsJsonArray("events");
        for (int i = 0; i < events.size(); i++) {
            int number = i;
            String text = events.get(i).toString();
            long at = events.get(i).getAsJsonObject().get("t_ms").getAsLong();
            clock.at((base + at) * 1000000L, number, () -> {
                try {
                    event.invoke(inside, number, text);
                } catch (InvocationTargetException e) {
                    throw new IllegalStateException(e.getCause());
                } catch (ReflectiveOperationException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
        clock.run();
        JsonObject expected = JsonParser.parseString((String) finish.invoke(inside, events.size())).getAsJsonObject();
        expected.add("timeline", timeline);
        return expected;
    }

    /** One event, result or step a line. */
    private static void write(StringBuilder out, JsonElement value, String indent, int depth) {
        String end = "\n" + indent;
        if (value.isJsonObject() && depth > 0 && value.getAsJsonObject().size() > 0) {
            String before = "{";
            for (Map.Entry<String, JsonElement> e : value.getAsJsonObject().entrySet()) {
                out.append(before).append(end).append("  ").append(GSON.toJson(e.getKey())).append(": ");
                write(out, e.getValue(), indent + "  ", depth - 1);
                before = ",";
            }
            out.append(end).append("}");
        } else if (value.isJsonArray() && depth > 0 && value.getAsJsonArray().size() > 0) {
            String before = "[";
            for (JsonElement e : value.getAsJsonArray()) {
                out.append(before).append(end).append("  ").append(GSON.toJson(e));
                before = ",";
            }
            out.append(end).append("]");
        } else {
            out.append(GSON.toJson(value));
        }
    }

    public static void main(String[] files) throws Exception {
        for (String file : files) {
            Path path = Paths.get(file);
            JsonObject scenario = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
            scenario.add("expected", run(scenario));
            StringBuilder out = new StringBuilder();
            write(out, scenario, "", 3);
            Files.writeString(path, out.append("\n"));
        }
        System.exit(0);
    }
}

package oracle;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

/** TokenOracle FILE...: asks Sentinel's token server, in virtual time, each scenario's questions, and writes its answers into the file's "expected". */
public class TokenOracle {
    private static JsonArray run(JsonObject scenario) throws Exception {
        long base = scenario.get("base_ms").getAsLong();
        VirtualClock clock = new VirtualClock(base);
        VirtualClock.current = clock;
        OracleLoader loader = new OracleLoader(TokenOracle.class.getClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        Object inside = loader.loadClass("oracle.inside.InsideTokens").getConstructor().newInstance();
        Method event = inside.getClass().getMethod("event", String.class);
        inside.getClass().getMethod("begin", String.class).invoke(inside, scenario.toString());
        JsonArray events = scenario.getAsJsonArray("events"), results = new JsonArray();
        for (int i = 0; i < events.size(); i++) {
            String text = events.get(i).toString();
            clock.at((base + events.get(i).getAsJsonObject().get("t_ms").getAsLong()) * 1000000L, i, () -> {
                try {
                    results.add(JsonParser.parseString((String) event.invoke(inside, text)));
                } catch (ReflectiveOperationException e) {
                    throw new IllegalStateException(e.getCause() == null ? e : e.getCause());
                }
            });
        }
        clock.run();
        return results;
    }

    public static void main(String[] files) throws Exception {
        for (String file : files) {
            Path path = Paths.get(file);
            JsonObject scenario = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
            JsonObject expected = new JsonObject();
            expected.add("results", run(scenario));
            scenario.add("expected", expected);
            Files.writeString(path, new GsonBuilder().disableHtmlEscaping().create().toJson(scenario) + "\n");
        }
        System.exit(0);
    }
}

package oracle.inside;

import com.alibaba.csp.sentinel.cluster.TokenResult;
import com.alibaba.csp.sentinel.cluster.TokenResultStatus;
import com.alibaba.csp.sentinel.cluster.TokenServerDescriptor;
import com.alibaba.csp.sentinel.cluster.client.ClusterTokenClient;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.Collection;
import oracle.Host;

/** A token client that answers what the event says: its "tokens" are [status, wait in ms, ms until the answer], one for each question. */
public class ScriptedClient implements ClusterTokenClient {
    static final int TIMEOUT_MS = 20;
    static final ThreadLocal<Script> SCRIPT = new ThreadLocal<>();

    static final class Script {
        final Host host;
        final JsonArray answers; // null: no server
        final JsonArray asked = new JsonArray();

        Script(Host host, JsonArray answers) {
            this.host = host;
            this.answers = answers;
        }

        TokenResult answer(JsonObject question) {
            int number = asked.size();
            asked.add(question);
            if (answers == null || answers.size() == 0) return new TokenResult(TokenResultStatus.FAIL);
            JsonArray answer = answers.get(Math.min(number, answers.size() - 1)).getAsJsonArray();
            int after = answer.get(2).getAsInt();
            if (after > 0) host.hold(Math.min(after, TIMEOUT_MS));
            if (after > TIMEOUT_MS) return new TokenResult(TokenResultStatus.FAIL);
            return new TokenResult(answer.get(0).getAsInt()).setWaitInMs(answer.get(1).getAsInt());
        }
    }

    private static JsonObject question(Long flowId, int count) {
        JsonObject question = new JsonObject();
        question.addProperty("flow_id", flowId);
        question.addProperty("count", count);
        return question;
    }

    @Override
    public TokenResult requestToken(Long flowId, int count, boolean prioritized) {
        JsonObject question = question(flowId, count);
        question.addProperty("prioritized", prioritized);
        return SCRIPT.get().answer(question);
    }

    @Override
    public TokenResult requestParamToken(Long flowId, int count, Collection<Object> params) {
        JsonObject question = question(flowId, count);
        JsonArray texts = new JsonArray();
        for (Object param : params) texts.add(String.valueOf(param));
        question.add("params", texts);
        return SCRIPT.get().answer(question);
    }

    @Override
    public TokenResult requestConcurrentToken(String clientAddress, Long flowId, int count) {
        throw new UnsupportedOperationException("no slot asks for it");
    }

    @Override
    public void releaseConcurrentToken(Long tokenId) {
        throw new UnsupportedOperationException("no slot asks for it");
    }

    @Override
    public TokenServerDescriptor currentServer() {
        return null;
    }

    @Override
    public void start() {
    }

    @Override
    public void stop() {
    }

    @Override
    public int getState() {
        return 2;
    }
}

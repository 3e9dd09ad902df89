package demo.sentinel;

import com.alibaba.csp.sentinel.cluster.TokenResult;
import com.alibaba.csp.sentinel.cluster.client.ClusterTokenClient;
import com.alibaba.csp.sentinel.cluster.client.TokenClientProvider;
import com.alibaba.csp.sentinel.cluster.client.config.ClusterClientAssignConfig;
import com.alibaba.csp.sentinel.cluster.client.config.ClusterClientConfig;
import com.alibaba.csp.sentinel.cluster.client.config.ClusterClientConfigManager;
import com.alibaba.csp.sentinel.init.InitExecutor;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;

/**
 * Tokens PORT [TIMEOUT_MS]: Sentinel's token client. Each line on stdin is a question: flow|prioritized ID COUNT, or param ID COUNT VALUE... (an Integer if it looks like one);
 * prints STATUS REMAINING WAIT_MS, and when it was asked and answered (ms).
 */
public final class Tokens {
    private static Object value(String word) {
        return word.matches("-?\\d{1,9}") ? (Object) Integer.valueOf(word) : word;
    }

    private static TokenResult ask(ClusterTokenClient client, String[] words) {
        long id = Long.parseLong(words[1]);
        int count = Integer.parseInt(words[2]);
        if (!words[0].equals("param")) return client.requestToken(id, count, words[0].equals("prioritized"));
        List<Object> values = new ArrayList<>();
        for (int i = 3; i < words.length; i++) values.add(value(words[i]));
        return client.requestParamToken(id, count, values);
    }

    public static void main(String[] args) throws Exception {
        InitExecutor.doInit();
        ClusterClientConfigManager.applyNewConfig(new ClusterClientConfig().setRequestTimeout(args.length > 1 ? Integer.parseInt(args[1]) : 2000));
        ClusterClientConfigManager.applyNewAssignConfig(
            new ClusterClientAssignConfig().setServerHost("127.0.0.1").setServerPort(Integer.parseInt(args[0])));
        ClusterTokenClient client = TokenClientProvider.getClient();
        client.start();
        while (client.requestToken(999999L, 1, false).getStatus() != 3) Thread.sleep(50); // until it is connected: no such rule
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            long asked = System.currentTimeMillis();
            TokenResult result = ask(client, line.split(" "));
            System.out.println(result.getStatus() + " " + result.getRemaining() + " " + result.getWaitInMs() + " " + asked + " " + System.currentTimeMillis());
        }
        System.exit(0);
    }

    private Tokens() {}
}

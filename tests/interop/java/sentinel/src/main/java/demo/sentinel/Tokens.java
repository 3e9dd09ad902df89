package demo.sentinel;

import com.alibaba.csp.sentinel.cluster.TokenResult;
import com.alibaba.csp.sentinel.cluster.client.ClusterTokenClient;
import com.alibaba.csp.sentinel.cluster.client.TokenClientProvider;
import com.alibaba.csp.sentinel.cluster.client.config.ClusterClientAssignConfig;
import com.alibaba.csp.sentinel.cluster.client.config.ClusterClientConfig;
import com.alibaba.csp.sentinel.cluster.client.config.ClusterClientConfigManager;
import com.alibaba.csp.sentinel.cluster.client.handler.TokenClientHandler;
import com.alibaba.csp.sentinel.cluster.client.handler.TokenClientPromiseHolder;
import com.alibaba.csp.sentinel.cluster.response.ClusterResponse;
import com.alibaba.csp.sentinel.init.InitExecutor;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tokens PORT [TIMEOUT_MS]: Sentinel's token client. Each line on stdin is a question: flow|prioritized ID COUNT, or param ID COUNT VALUE... (an Integer if it looks like one);
 * prints STATUS REMAINING WAIT_MS, and when it was asked and answered (ms). "early" prints how many answers came before the client had noted their question, and four zeros.
 */
public final class Tokens {
    private static final AtomicInteger EARLY = new AtomicInteger();

    /** Sentinel's client sends a question and then notes it: an answer that comes in between is lost, and its caller waits for its timeout. Here such an answer waits for the note. */
    private static final class Patience extends ChannelInboundHandlerAdapter {
        private static final int STEP_US = 200, STEPS = 10000;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (isEarly(message)) {
                EARLY.incrementAndGet();
                later(context, message, 1);
            } else {
                context.fireChannelRead(message);
            }
        }

        private static boolean isEarly(Object message) {
            return message instanceof ClusterResponse && ((ClusterResponse<?>) message).getType() != 0
                && TokenClientPromiseHolder.getEntry(((ClusterResponse<?>) message).getId()) == null;
        }

        private static void later(ChannelHandlerContext context, Object message, int step) {
            context.executor().schedule(() -> {
                if (isEarly(message) && step < STEPS) later(context, message, step + 1);
                else context.fireChannelRead(message);
            }, STEP_US, TimeUnit.MICROSECONDS);
        }
    }

    private static Object of(Object owner, String name) throws ReflectiveOperationException {
        Field field = owner.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(owner);
    }

    /** False: it isn't connected yet. */
    private static boolean teach(ClusterTokenClient client) throws ReflectiveOperationException {
        Object transport = of(client, "transportClient");
        Channel channel = transport == null ? null : (Channel) of(transport, "channel");
        if (channel == null) return false;
        channel.pipeline().addBefore(channel.pipeline().context(TokenClientHandler.class).name(), "patience", new Patience());
        return true;
    }

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
        while (!teach(client)) Thread.sleep(10);
        while (client.requestToken(999999L, 1, false).getStatus() != 3) Thread.sleep(50); // until it is connected: no such rule
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            if (line.equals("early")) {
                System.out.println(EARLY.get() + " 0 0 0 0");
                continue;
            }
            long asked = System.currentTimeMillis();
            TokenResult result = ask(client, line.split(" "));
            System.out.println(result.getStatus() + " " + result.getRemaining() + " " + result.getWaitInMs() + " " + asked + " " + System.currentTimeMillis());
        }
        System.exit(0);
    }

    private Tokens() {}
}

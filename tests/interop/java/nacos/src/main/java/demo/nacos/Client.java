package demo.nacos;

import com.alibaba.nacos.api.NacosFactory;
import com.alibaba.nacos.api.PropertyKeyConst;
import com.alibaba.nacos.api.config.ConfigService;
import com.alibaba.nacos.api.config.listener.AbstractListener;
import com.alibaba.nacos.api.exception.NacosException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Properties;

/** nacos-client at work: SERVERS [NAMESPACE [USER PASSWORD]]. Reads "get ID", "listen ID", "publish ID TEXT", "remove ID"; says what came of each, and what listeners are told. */
public final class Client {
    private static final String GROUP = "SENTINEL_GROUP";

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put(PropertyKeyConst.SERVER_ADDR, args[0]);
        if (args.length > 1 && !args[1].isEmpty())
            settings.put(PropertyKeyConst.NAMESPACE, args[1]);
        if (args.length > 3) {
            settings.put(PropertyKeyConst.USERNAME, args[2]);
            settings.put(PropertyKeyConst.PASSWORD, args[3]);
        }
        ConfigService service = NacosFactory.createConfigService(settings);
        say("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = in.readLine()) != null;) {
            try {
                run(service, line.split(" ", 3));
            } catch (NacosException e) {
                say("error " + e.getErrCode());
            }
        }
        System.exit(0);
    }

    private static void run(ConfigService service, String[] words) throws NacosException {
        String id = words[1];
        switch (words[0]) {
        case "get":
            say("got " + service.getConfig(id, GROUP, 3000));
            break;
        case "listen":
            service.addListener(id, GROUP, new AbstractListener() {
                @Override
                public void receiveConfigInfo(String text) {
                    say("told " + id + " " + text);
                }
            });
            say("listens");
            break;
        case "publish":
            say("published " + service.publishConfig(id, GROUP, words[2]));
            break;
        case "remove":
            say("removed " + service.removeConfig(id, GROUP));
            break;
        default:
            say("what?");
        }
    }

    private static synchronized void say(String text) {
        System.out.println(text);
        System.out.flush();
    }

    private Client() {}
}

package demo.nacos;

import com.alibaba.nacos.auth.AuthManager;
import com.alibaba.nacos.auth.model.Permission;
import com.alibaba.nacos.auth.model.User;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.web.servlet.ServletComponentScan;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.FilterType;
import org.springframework.scheduling.annotation.EnableScheduling;

/** Nacos's configuration server, alone, without users: PORT HOME. The console, where users are, is in no registry; nor are the gRPC ports opened, which listen everywhere. */
@EnableScheduling
@EnableAutoConfiguration
@SpringBootConfiguration
@ServletComponentScan("com.alibaba.nacos")
@ComponentScan(basePackages = "com.alibaba.nacos",
    excludeFilters = @ComponentScan.Filter(type = FilterType.REGEX, pattern = "com\\.alibaba\\.nacos\\.core\\.remote\\.grpc\\.Grpc(Sdk|Cluster)Server"))
public class Server {
    public static void main(String[] args) {
        System.setProperty("nacos.standalone", "true");
        System.setProperty("server.port", args[0]);
        System.setProperty("nacos.home", args[1]);
        System.setProperty("server.tomcat.basedir", args[1]);
        System.setProperty("derby.stream.error.file", args[1] + "/derby.log");
        SpringApplication.run(Server.class);
        System.out.println("ready");
    }

    @Bean
    public AuthManager authManager() {
        return new AuthManager() {
            @Override
            public User login(Object request) {
                return new User();
            }

            @Override
            public User loginRemote(Object request) {
                return new User();
            }

            @Override
            public void auth(Permission permission, User user) {}
        };
    }
}

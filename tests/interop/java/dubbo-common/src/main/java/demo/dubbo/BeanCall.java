package demo.dubbo;

import com.alibaba.com.caucho.hessian.io.Hessian2Output;
import demo.api.Order;
import demo.util.Bytes;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.dubbo.common.beanutil.JavaBeanAccessor;
import org.apache.dubbo.common.beanutil.JavaBeanSerializeUtil;

/** Prints, in hex, a generic call of placeOrder whose argument is a JavaBeanDescriptor (generic=bean). */
public class BeanCall {
    public static void main(String[] args) throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        Hessian2Output out = new Hessian2Output(body);
        for (String text : new String[] {"2.0.2", "demo.api.DemoService", "0.0.0", "$invoke",
            "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", "placeOrder"}) out.writeString(text);
        out.writeObject(new String[] {"demo.api.Order"});
        out.writeObject(new Object[] {JavaBeanSerializeUtil.serialize(Order.sample(), JavaBeanAccessor.FIELD)});
        Map<String, String> attachments = new HashMap<>();
        attachments.put("path", "demo.api.DemoService");
        attachments.put("interface", "demo.api.DemoService");
        attachments.put("version", "0.0.0");
        attachments.put("generic", "bean");
        out.writeObject(attachments);
        out.flush();
        ByteBuffer head = ByteBuffer.allocate(16).putShort((short) 0xdabb).put((byte) 0xc2).put((byte) 0).putLong(1).putInt(body.size());
        System.out.println(Bytes.hex(head.array()) + Bytes.hex(body.toByteArray()));
    }
}

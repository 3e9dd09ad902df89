package demo.sentinel;

import com.alibaba.csp.sentinel.node.metric.MetricNode;
import com.alibaba.csp.sentinel.node.metric.MetricSearcher;
import java.util.List;

/** Sentinel's own reader on a metric log: FOLDER BASE BEGIN END [IDENTITY], or FOLDER BASE BEGIN lines=N. Prints thin lines. */
public final class MetricLog {
    public static void main(String[] args) throws Exception {
        MetricSearcher searcher = new MetricSearcher(args[0], args[1]);
        long begin = Long.parseLong(args[2]);
        List<MetricNode> found = args[3].startsWith("lines=")
            ? searcher.find(begin, Integer.parseInt(args[3].substring(6)))
            : searcher.findByTimeAndResource(begin, Long.parseLong(args[3]), args.length > 4 ? args[4] : null);
        if (found != null)
            for (MetricNode node : found)
                System.out.println(node.toThinString());
    }

    private MetricLog() {}
}

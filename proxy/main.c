#include "server/options.h"
#include "server/server.h"
#include "server/supervisor.h"

int main(int argc, char **argv)
{
	struct options options;

	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_WRONG:
		return 1;
	case OPTIONS_RUN:
		break;
	}
	if (options.mode == MODE_AWAIT)
		return supervisor_await(&options);
	supervisor_find(&options);
	return supervisor_is_wanted(&options) ? supervisor_run(&options) : server_run(&options);
}

/* The release's name for itself. */
#ifndef SERVER_VERSION_H
#define SERVER_VERSION_H

#define OUTRIGGER_VERSION "0.1.0"

#endif

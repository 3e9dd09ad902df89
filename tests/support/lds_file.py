"""Listeners that come from a file: what LDS adds, replaces and removes."""
import json
import os

import places
from gateway import Gateway, address, http_manager

LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"


def says(text):
    """A connection manager that answers with this."""
    return http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": text}}}])


def listener(port, manager, **extra):
    """One with this filter; or, with filter_chains in extra, with these."""
    return {"@type": LISTENER, "name": "dl", "address": address(port), "filter_chains": [{"filters": [manager]}], **extra}


class Listeners:
    """The file of LDS."""

    def __init__(self, name):
        self.path = places.scratch(name + "-files") / "lds.json"
        self.path.write_text(json.dumps({"resources": []}))

    def put(self, *listeners):
        new = self.path.with_name("new")
        new.write_text(json.dumps({"resources": listeners}))
        os.rename(new, self.path)

    def gateway(self, name, manager=None, clusters=(), **extra):
        source = {"path_config_source": {"path": str(self.path)}, "resource_api_version": "V3"}
        manager = manager or http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}])
        return Gateway(name, manager, list(clusters), bootstrap={"dynamic_resources": {"lds_config": source}}, **extra)

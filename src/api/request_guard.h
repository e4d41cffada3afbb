// Whom the TCP door answers while there is no login: programs on this machine, and pages it serves
// itself. A page of another origin, or one that reaches loopback through a name of its own (DNS
// rebinding), is refused before anything is looked up.
//
// Invariants
//   1. Host must be loopback by its numbers, "localhost", or the address that is listened on; any
//      port.
//   2. A request that a browser marks as coming from another origin (Sec-Fetch-Site, Origin) is
//      refused; /livez, /readyz and /metrics may be read from anywhere since no answer without CORS
//      fields can be read there, but only under invariant 1.
#pragma once

#include <optional>
#include <string>

#include "io/http_server.h"

namespace millrace::api {

// Why a request is refused; nullopt: it may go on. `listen_host`: as bound, without the port.
// `guards_origin`: invariant 2 holds for it.
std::optional<std::string> RefusalOf(const io::HttpRequest& request, const std::string& listen_host,
                                     bool guards_origin);

}  // namespace millrace::api

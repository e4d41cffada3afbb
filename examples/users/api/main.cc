// millrace_users_api: a local HTTP server that answers like randomuser.me v1.4, deterministic by
// seed and page, with misbehaviour on demand and a ledger of what it served.
#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "base/logging.h"
#include "faults.h"
#include "io/clock.h"
#include "io/http_server.h"
#include "ledger.h"
#include "service.h"

namespace {

constexpr const char* kExamples = R"(Examples:
  millrace_users_api --port 8080
  curl 'http://127.0.0.1:8080/api/?results=2&page=1&seed=demo&nat=DE,JP'
  millrace_users_api --port 8080 --ledger served.jsonl --faults 429=0.05:1,5xx=0.02,malformed=0.001
  curl 'http://127.0.0.1:8080/api/?results=1&faults=slow=1:2000'

Parameters of /api/:
  results=1..5000  page=1..  seed=TEXT  nat=DE,JP  inc=name,email    as randomuser.me
  pages=N          pages after N are empty (default: pages never end)
  registered=page  registered.date rises with page and record from 2026-01-01 (default);
                   =now: up to the present; =2026-05-01T00:00:00Z: from then
  step_ms=100      time between two records' registered.date
  faults=SPEC      instead of --faults, for this request

Fault specs are name=chance[:argument], by commas:
429=0.1:SECONDS, 5xx=0.1:STATUS, slow=0.1:MILLISECONDS,
cut, truncated, invalid_json; and of each record: malformed, duplicate; endless ignores `pages`.
)";

struct Flags {
  std::string address = "127.0.0.1";
  uint16_t port = 8080;
  std::string faults;
  uint64_t fault_seed = 1;
  std::string ledger;
  bool ledger_sync = false;
  int threads = 2;
};

// Waits for SIGTERM or SIGINT, which every thread blocks.
void WaitForSignal(const sigset_t& signals) {
  int received = 0;
  sigwait(&signals, &received);
}

millrace::Status Serve(const Flags& flags, const sigset_t& signals) {
  using namespace millrace;
  users::ServiceOptions options{.faults = {}, .fault_seed = flags.fault_seed};
  MR_ASSIGN(options.faults, users::ParseFaults(flags.faults));
  MR_ASSIGN(auto ledger, users::Ledger::Open(flags.ledger, flags.ledger_sync));
  users::UsersService service(std::move(options), *ledger, io::SystemClock());
  auto server = io::HttpServer::Create(
      {.handler_threads = flags.threads, .streams_max = 64},
      [&service](const io::HttpRequest& request) { return service.Handle(request); });
  MR_ASSIGN(const uint16_t port, server->ListenTcp({.address = flags.address, .port = flags.port}));
  std::printf("users API at http://%s:%d/api/\n", flags.address.c_str(), port);
  std::fflush(stdout);
  WaitForSignal(signals);
  server->Stop();
  logging::Info("users_api.stopped", {{"requests", server->counters().requests}});
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("A users API like randomuser.me, made up and local.\n");
  app.footer(kExamples);
  app.add_option("--address", flags.address, "Loopback address to listen on");
  app.add_option("--port", flags.port, "Port, 0 for any free one (printed)");
  app.add_option("--faults", flags.faults, "Misbehaviour of every request, see below");
  app.add_option("--fault-seed", flags.fault_seed, "Decides which requests misbehave");
  app.add_option("--ledger", flags.ledger,
                 "File that keeps what was served, continued when it exists");
  app.add_flag("--ledger-sync", flags.ledger_sync, "Ledger lines survive a power cut (fsync each)");
  app.add_option("--threads", flags.threads, "Threads that make pages")->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const millrace::Status served = Serve(flags, signals);
  if (served) return 0;
  std::fprintf(stderr, "millrace_users_api: %s\n", served.error().ToString().c_str());
  return millrace::ExitCodeFor(served.error().code);
}

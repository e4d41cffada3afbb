#include "service.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "base/hash.h"
#include "base/logging.h"

namespace millrace::users {
namespace {

io::HttpResponse ErrorResponse(int status, std::string_view message) {
  std::string body = R"({"error":")";
  AppendJsonEscaped(body, message);
  return {.status = status, .body = body + "\"}\n"};
}

Result<int64_t> Integer(const io::HttpRequest& request, std::string_view name, int64_t fallback,
                        int64_t least, int64_t most) {
  const auto text = request.Parameter(name);
  if (!text) return fallback;
  int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || at != end || number < least || number > most)
    return Fail(ErrorCode::kInvalidArgument, "{}={} is not a number from {} to {}", name, *text,
                least, most);
  return number;
}

// "2026-01-31T08:30:00", with anything after the seconds ignored, as UTC milliseconds.
Result<int64_t> ParseInstant(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return Fail(ErrorCode::kInvalidArgument, "'{}' is not a time such as 2026-01-31T08:30:00Z",
                text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return Fail(ErrorCode::kInvalidArgument, "'{}' is no date", text);
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60000 + second * int64_t{1000};
}

Result<uint32_t> ParseFields(std::string_view list) {
  uint32_t fields = 0;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const auto* found = std::ranges::find(kFieldNames, list.substr(0, end));
    if (found == std::end(kFieldNames))
      return Fail(ErrorCode::kInvalidArgument, "no field '{}'", list.substr(0, end));
    fields |= 1u << (found - std::begin(kFieldNames));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return fields;
}

}  // namespace

struct UsersService::Wish {
  PageSpec spec;
  std::vector<Fault> faults;
};

UsersService::UsersService(ServiceOptions options, Ledger& ledger, io::Clock& clock)
    : options_(std::move(options)), ledger_(ledger), clock_(clock), requests_(ledger.lines()) {}

io::HttpResponse UsersService::Handle(const io::HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD")
    return ErrorResponse(405, "only GET and HEAD");
  if (request.path == "/api/" || request.path == "/api") return ServePage(request);
  if (request.path == "/livez") return {.content_type = "text/plain", .body = "ok\n"};
  if (request.path != "/ledger") return ErrorResponse(404, "there is /api/, /ledger and /livez");
  return {.content_type = "application/jsonl", .stream = [this](io::ResponseStream& out) {
            if (!ledger_.CopyTo(out)) out.Abort();
          }};
}

Result<UsersService::Wish> UsersService::Understand(const io::HttpRequest& request) const {
  Wish wish{.spec = {}, .faults = options_.faults};
  PageSpec& spec = wish.spec;
  if (const auto faults = request.Parameter("faults")) {
    MR_ASSIGN(wish.faults, ParseFaults(*faults));
  }
  MR_ASSIGN(spec.results, Integer(request, "results", 1, 1, kResultsMax));
  MR_ASSIGN(spec.page, Integer(request, "page", 1, 1, int64_t{1} << 40));
  MR_ASSIGN(spec.registered_step_ms,
            Integer(request, "step_ms", spec.registered_step_ms, 0, 86400000));
  MR_ASSIGN(const int64_t pages, Integer(request, "pages", INT64_MAX, 0, INT64_MAX));
  const bool endless = ChanceOf(wish.faults, FaultKind::kEndless) > 0;
  if (spec.page > pages && !endless) spec.results = 0;
  spec.nationalities = request.Parameter("nat").value_or("");
  if (const auto fields = request.Parameter("inc"); fields && !fields->empty()) {
    MR_ASSIGN(spec.fields, ParseFields(*fields));
  }
  const std::string registered = request.Parameter("registered").value_or("page");
  if (registered == "now") {
    spec.registered_base_ms =
        clock_.Now().value / 1000 - spec.page * spec.results * spec.registered_step_ms;
  } else if (registered != "page") {
    MR_ASSIGN(spec.registered_base_ms, ParseInstant(registered));
  }
  spec.malformed = ChanceOf(wish.faults, FaultKind::kMalformed);
  spec.duplicate = ChanceOf(wish.faults, FaultKind::kDuplicate);
  if (const auto seed = request.Parameter("seed"); seed && !seed->empty()) {
    spec.seed = *seed;
  } else {
    spec.seed = fmt::format("{:016x}", io::SystemSeed());
  }
  return wish;
}

io::HttpResponse UsersService::ServePage(const io::HttpRequest& request) {
  const auto wish = Understand(request);
  if (!wish) return ErrorResponse(400, wish.error().message);
  const Fault* fault = DrawTransportFault(wish->faults, options_.fault_seed, requests_++);
  if (fault != nullptr && fault->kind == FaultKind::kTooMany)
    return Refuse(request, *wish, 429, fault->argument);
  if (fault != nullptr && fault->kind == FaultKind::kServerError)
    return Refuse(request, *wish, static_cast<int>(fault->argument), -1);
  return Serve(request, *wish, fault);
}

io::HttpResponse UsersService::Refuse(const io::HttpRequest& request, const Wish& wish, int status,
                                      int64_t retry_after_s) {
  const LedgerEntry entry{
      .at_ms = clock_.Now().value / 1000, .status = status, .outcome = "error", .spec = &wish.spec};
  if (const Status kept = ledger_.Append(entry, request); !kept)
    return ErrorResponse(500, kept.error().ToString());
  io::HttpResponse response = ErrorResponse(status, "asked to misbehave");
  if (retry_after_s >= 0)
    response.headers.push_back({"Retry-After", std::to_string(retry_after_s)});
  return response;
}

io::HttpResponse UsersService::Serve(const io::HttpRequest& request, const Wish& wish,
                                     const Fault* fault) {
  Result<Page> page = MakePage(wish.spec);
  if (!page) return ErrorResponse(400, page.error().message);
  const LedgerEntry entry{.at_ms = clock_.Now().value / 1000,
                          .status = 200,
                          .outcome = fault == nullptr ? "whole" : FaultName(fault->kind),
                          .spec = &wish.spec,
                          .page = &*page};
  if (const Status kept = ledger_.Append(entry, request); !kept)
    return ErrorResponse(500, kept.error().ToString());
  if (fault == nullptr) return {.body = std::move(page->body)};

  std::string body = std::move(page->body);
  const uint64_t announced = body.size();
  switch (fault->kind) {
    case FaultKind::kInvalidJson:
      body.resize(body.size() / 2);
      return {.body = std::move(body)};
    case FaultKind::kSlow:
      return {.stream =
                  [body = std::move(body),
                   delay = std::chrono::milliseconds(fault->argument)](io::ResponseStream& out) {
                    std::this_thread::sleep_for(delay);
                    (void)out.Write(body);  // a caller that left is no failure of ours
                  },
              .stream_length = announced};
    case FaultKind::kTruncated:
      body.resize(body.size() / 2);
      return {.stream =
                  [body = std::move(body)](io::ResponseStream& out) {
                    (void)out.Write(body);
                    out.Abort();
                  },
              .stream_length = announced};
    default:
      return {.stream = [](io::ResponseStream& out) { out.Abort(); }};
  }
}

}  // namespace millrace::users

// HttpSourceSpec: what a project says about one HTTP source, as plain text and numbers; and
// HttpSource, the same thing understood: templates, JSON paths and address ranges parsed,
// contradictions refused.
//
//   MR_ASSIGN(const HttpSource source, CompileSource(spec));   // or CheckSource(spec) for all
//   mistakes at once
//
// Field names follow the settings of a project file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "data/json_select.h"
#include "extract/address_policy.h"
#include "extract/template.h"
#include "io/http_client.h"
#include "io/http_url.h"

namespace millrace::extract {

enum class AuthKind : uint8_t { kNone, kApiKey, kBasic, kBearer, kOauth2 };

struct AuthSpec {
  AuthKind kind = AuthKind::kNone;
  std::string header = {};     // kApiKey: carries the key, unless `parameter` does
  std::string parameter = {};  // kApiKey: query parameter
  std::string user = {};       // kBasic: user; kOauth2: client id
  Secret secret = {};          // key, password, token or client secret
  std::string token_url = {};  // kOauth2 (client credentials, RFC 6749 section 4.4)
  std::string scope = {};      // kOauth2, may be empty
};

enum class PageKind : uint8_t {
  kNone,     // one request
  kPage,     // `parameter` = start, start + step, ...: page numbers
  kOffset,   // `parameter` = start, then raised by `step`, or with step 1 by the records received
  kNextUrl,  // `path` in the body holds the next address
  kLink,     // header Link, rel="next" (RFC 8288)
  kCursor,   // `path` in the body or `header` holds what `parameter` carries next
};

struct PaginateSpec {
  PageKind kind = PageKind::kNone;
  std::string parameter = {};
  int64_t start = 1;
  int64_t step = 1;
  std::string path = {};
  std::string header = {};
  std::string more_path = {};  // JSON path of a boolean: false ends the pages
  int64_t page_size = 0;       // a page with fewer records is the last; 0: only an empty one is
  int64_t pages = 0;           // wanted: what comes after them is left alone; 0: all
};

struct CursorSpec {
  std::string path =
      {};  // within a record; the greatest value becomes {{ cursor }}. Empty: no cursor
  std::string initial = {};
  bool ordered = false;  // records come in cursor order
};

enum class OnLimit : uint8_t {
  kAuto,  // kStop with an ordered cursor, whose next run goes on where this one stopped; else kFail
  kStop,  // commits what came, with a warning
  kFail,
};

struct LimitsSpec {
  int64_t pages = 1000;
  int64_t records = 10'000'000;  // kStop: looked at between pages, no fetched record is dropped
  uint64_t bytes = uint64_t{4} << 30;  // of bodies, decompressed; passing it always fails the try
  uint64_t page_bytes = 64 << 20;
  uint32_t compression_ratio = 100;
  std::chrono::milliseconds duration{0};  // of the try, 0: no bound here; passing it fails the try
  OnLimit on_limit = OnLimit::kAuto;      // of pages and records
};

struct RetrySpec {
  int attempts = 5;  // requests for one page, the first counted
  std::chrono::milliseconds delay{200};
  std::chrono::milliseconds delay_max{30000};  // also caps Retry-After
};

struct RateLimitSpec {
  double requests_per_second = 0;  // 0: no bound
  int64_t burst = 1;
};

struct HttpSourceSpec {
  std::string url;  // template; inserted values are percent-encoded
  std::string method = "GET";
  std::map<std::string, std::string> headers;              // values are templates
  std::vector<std::pair<std::string, std::string>> query;  // values are templates
  std::string body;                                        // template, POST only
  std::string topic;
  std::string select = "$";
  std::string key;  // JSON path within a record, empty: records have no key
  bool conditional = true;
  std::vector<std::string> allow_private;  // CIDR
  bool allow_http = false;
  int redirects = 0;
  bool send_identity = true;  // X-Millrace-* request headers: dag, run, task, try, generation, page
  std::string ca_file;
  AuthSpec auth;
  PaginateSpec paginate;
  CursorSpec cursor;
  int64_t commit_every_pages = 0;  // 0: one transaction a try
  uint64_t commit_every_bytes = 0;
  LimitsSpec limits;
  io::HttpTimeouts timeouts;
  RateLimitSpec rate_limit;
  RetrySpec retry;
};

// A mistake: `setting` is the field's name ("paginate.path"), the message holds the column where
// there is one.
struct SpecMistake {
  std::string setting;
  std::string message;
};

// Every mistake, none when the source can run.
std::vector<SpecMistake> CheckSource(const HttpSourceSpec& spec);

struct HttpSource {
  HttpSourceSpec spec;
  Template url;
  std::vector<std::pair<std::string, Template>> headers;
  std::vector<std::pair<std::string, Template>> query;
  Template body;
  data::JsonPath select;
  std::optional<data::JsonPath> key;
  std::optional<data::JsonPath> cursor;
  std::optional<data::JsonPath> next;  // paginate.path
  std::optional<data::JsonPath> more;  // paginate.more_path
  AddressPolicy policy;

  // Of the templates: parameters without default(), which a run has to give.
  std::set<std::string> NeededParams() const;
};

// The first mistake as an error, kInvalidArgument.
Result<HttpSource> CompileSource(HttpSourceSpec spec);

// A secret from where a project says it is: "env:NAME" or "file:PATH" (one trailing line feed is
// dropped, at most 64 KiB). Errors name the place, never the value. kNotFound: not there;
// kInvalidArgument: another form, or empty.
Result<Secret> ReadSecret(std::string_view place);

}  // namespace millrace::extract

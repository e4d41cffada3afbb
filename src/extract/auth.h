// How requests are authorised: what is added to a request just before it is sent, and OAuth2
// tokens.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "extract/spec.h"
#include "io/clock.h"
#include "io/http_client.h"

namespace millrace::extract {

// Access tokens of OAuth2 client credentials, shared by the tasks that use the same client. Thread
// contract: every function from any thread.
class TokenCache {
 public:
  explicit TokenCache(io::Clock& clock) : clock_(clock) {}

  // A token with at least 30 s to live.
  std::optional<Secret> Get(const AuthSpec& auth);
  void Put(const AuthSpec& auth, Secret token, std::chrono::seconds lifetime);
  // The API refused it.
  void Drop(const AuthSpec& auth);

 private:
  struct Entry {
    Secret token;
    int64_t expires_ns = 0;  // monotonic
  };
  static std::string KeyOf(const AuthSpec& auth);

  io::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> tokens_;
};

// Adds header or query parameter to the request. `token`: kOauth2 only.
void Authorise(const AuthSpec& auth, const std::optional<Secret>& token, io::HttpExchange& request,
               io::HttpUrl& url);

// The client-credentials request (RFC 6749 section 4.4.2) for `auth.token_url`.
io::HttpExchange TokenRequest(const AuthSpec& auth);
struct AccessToken {
  Secret token;
  std::chrono::seconds lifetime{300};  // when the answer has no expires_in
};
// kUnavailable when the answer holds no token; the answer itself is in no message.
Result<AccessToken> ReadTokenResponse(std::string body);

}  // namespace millrace::extract

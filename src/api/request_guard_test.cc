#include "api/request_guard.h"

#include <gtest/gtest.h>

namespace millrace::api {
namespace {

bool Refused(std::vector<io::HttpHeader> headers, bool guards_origin = true) {
  io::HttpRequest request;
  request.headers = std::move(headers);
  return RefusalOf(request, "127.0.0.1", guards_origin).has_value();
}

TEST(RequestGuard, HostMustBeThisMachine) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:7070", "127.8.9.1", "localhost", "LocalHost:1",
                           "[::1]", "[::1]:7070"}) {
    EXPECT_FALSE(Refused({{"Host", host}})) << host;
  }
  for (const char* host : {"", "example.com", "127.0.0.1.example.com", "127.example.com",
                           "localhost.example.com", "localhost@example.com", "10.0.0.1", "[::2]",
                           "[::1].example.com:1", "127.0.0.1.", "0.0.0.0"}) {
    EXPECT_TRUE(Refused({{"Host", host}}, false)) << host;
  }
  EXPECT_TRUE(Refused({}));
  EXPECT_TRUE(Refused({{"Host", "localhost"}, {"host", "example.com"}}));
}

TEST(RequestGuard, OtherOriginsAreRefused) {
  const io::HttpHeader host{"Host", "localhost:7070"};
  EXPECT_FALSE(Refused({host, {"Origin", "http://localhost:7070"}}));
  EXPECT_TRUE(Refused({host, {"Origin", "http://localhost:7071"}}));
  EXPECT_TRUE(Refused({host, {"Origin", "https://localhost:7070"}}));
  EXPECT_TRUE(Refused({host, {"Origin", "null"}}));
  EXPECT_FALSE(Refused({host, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(Refused({host, {"Sec-Fetch-Site", "none"}}));
  EXPECT_TRUE(Refused({host, {"Sec-Fetch-Site", "same-site"}}));
  EXPECT_TRUE(Refused({host, {"Sec-Fetch-Site", "cross-site"}}));
  EXPECT_FALSE(Refused({host, {"Sec-Fetch-Site", "cross-site"}}, false));
}

}  // namespace
}  // namespace millrace::api

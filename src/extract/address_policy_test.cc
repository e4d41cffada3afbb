#include "extract/address_policy.h"

#include <gtest/gtest.h>

namespace millrace::extract {
namespace {

AddressPolicy Allow(const std::vector<std::string>& ranges) {
  AddressPolicy policy;
  for (const auto& range : ranges) policy.allow.push_back(AddressRange::Parse(range).value());
  return policy;
}

bool Passes(std::string_view address, const AddressPolicy& policy = {}) {
  return CheckAddress(policy, *io::IpAddress::Parse(address)).has_value();
}

TEST(AddressPolicy, RefusesWhatIsNotPublic) {
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.0.1",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.8",
                              "192.0.2.1",
                              "192.88.99.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.7",
                              "203.0.113.9",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "100.100.100.200",
                              "168.63.129.16",
                              "::",
                              "::1",
                              "::7f00:1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.1.2.3",
                              "::ffff:169.254.169.254",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::1",
                              "100::1",
                              "2001::1",
                              "2001:db8::1",
                              "2002:7f00:1::",
                              "2002:a9fe:a9fe::1",
                              "2002:0a00:0001::",
                              "3fff::1",
                              "5f00::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "fdff::1",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "ff02::1"})
    EXPECT_FALSE(Passes(address)) << address;
}

TEST(AddressPolicy, LetsPublicAddressesPass) {
  for (const char* address :
       {"1.1.1.1",        "8.8.8.8",          "9.255.255.255",   "11.0.0.0",
        "93.184.216.34",  "100.63.255.255",   "100.128.0.0",     "126.255.255.255",
        "128.0.0.1",      "169.253.255.255",  "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",     "192.167.255.255",  "192.169.0.0",     "198.17.255.255",
        "198.20.0.0",     "223.255.255.255",  "2606:4700::1111", "2a00:1450::1",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(Passes(address)) << address;
}

TEST(AddressPolicy, PermissionIsByRange) {
  const auto policy = Allow({"127.0.0.0/8", "fd00::/8", "169.254.0.0/16"});
  EXPECT_TRUE(Passes("127.0.0.1", policy));
  EXPECT_TRUE(Passes("::ffff:127.0.0.1", policy));
  EXPECT_TRUE(Passes("fd12::1", policy));
  EXPECT_FALSE(Passes("10.0.0.1", policy));
  EXPECT_FALSE(Passes("fc00::1", policy));
  EXPECT_TRUE(Passes("169.254.1.1", policy));
  EXPECT_FALSE(Passes("169.254.169.254", policy)) << "a metadata address has to be named alone";
  EXPECT_FALSE(Passes("::ffff:169.254.169.254", policy));
  EXPECT_FALSE(Passes("fd00:ec2::254", policy));
  EXPECT_TRUE(Passes("169.254.169.254", Allow({"169.254.169.254"})));
  EXPECT_TRUE(Passes("169.254.169.254", Allow({"169.254.169.254/32"})));
}

TEST(AddressRange, ParsesStrictly) {
  EXPECT_EQ(AddressRange::Parse("10.0.0.0/8")->bits, 8);
  EXPECT_EQ(AddressRange::Parse("::1")->bits, 128);
  EXPECT_TRUE(AddressRange::Parse("0.0.0.0/0")->Contains(*io::IpAddress::Parse("200.1.2.3")));
  EXPECT_TRUE(AddressRange::Parse("10.128.0.0/9")->Contains(*io::IpAddress::Parse("10.200.0.1")));
  EXPECT_FALSE(AddressRange::Parse("10.128.0.0/9")->Contains(*io::IpAddress::Parse("10.100.0.1")));
  for (const char* text : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10/8", "0x7f.0.0.1",
                           "127.1", "::/129", "host/8", "10.0.0.0/-1", "10.0.0.0/8x"})
    EXPECT_FALSE(AddressRange::Parse(text)) << text;
}

}  // namespace
}  // namespace millrace::extract

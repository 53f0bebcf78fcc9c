using Npgsql;
using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class PostgresAddressTests
{
    [Theory]
    [InlineData("postgres://ada:secret@db/tokens", "Host=db;Port=5432;Username=ada;Password=secret;Database=tokens")]
    [InlineData("postgresql://ada:secret@db:6432/tokens", "Host=db;Port=6432;Username=ada;Password=secret;Database=tokens")]
    [InlineData("POSTGRES://ada:secret@db/tokens", "Host=db;Port=5432;Username=ada;Password=secret;Database=tokens")]
    [InlineData("postgres://ada%40corp:p%40ss%2Fw%3Ard%25%3D%3B@db/to%20kens", "Host=db;Port=5432;Username=ada@corp;Password='p@ss/w:rd%=;';Database='to kens'")]
    [InlineData("postgres://ada:se:cret@db/tokens", "Host=db;Port=5432;Username=ada;Password=se:cret;Database=tokens")]
    [InlineData("postgres://ada:p@ss@db/tokens", "Host=db;Port=5432;Username=ada;Password=p@ss;Database=tokens")]
    [InlineData("postgres://ada@db/tokens", "Host=db;Port=5432;Username=ada;Database=tokens")]
    [InlineData("postgres://ada@db", "Host=db;Port=5432;Username=ada;Database=ada")]
    [InlineData("postgres://ada@db/", "Host=db;Port=5432;Username=ada;Database=ada")]
    [InlineData("postgres://db:/tokens", "Host=db;Port=5432;Database=tokens")]
    [InlineData("postgres:///tokens", "Host=localhost;Port=5432;Database=tokens")]
    [InlineData("postgres://ada:secret@[::1]/tokens", "Host=::1;Port=5432;Username=ada;Password=secret;Database=tokens")]
    [InlineData("postgres://ada:secret@[2001:db8::7]:6432/tokens", "Host=2001:db8::7;Port=6432;Username=ada;Password=secret;Database=tokens")]
    [InlineData("postgres://ada@one:1111,two,[::1]:3333/tokens?target_session_attrs=read-write", "Host='one:1111,two:5432,[::1]:3333';Username=ada;Database=tokens;Target Session Attributes=read-write")]
    [InlineData("postgres://ada@/tokens?host=one,two&port=1111,2222", "Host='one:1111,two:2222';Username=ada;Database=tokens")]
    [InlineData("postgres://%2Fvar%2Frun%2Fpostgresql/tokens?user=ada", "Host=/var/run/postgresql;Port=5432;Username=ada;Database=tokens")]
    [InlineData("postgres:///tokens?host=/var/run/postgresql&port=6432", "Host=/var/run/postgresql;Port=6432;Database=tokens")]
    [InlineData("postgres://db?dbname=tokens&user=ada&password=a%26b", "Host=db;Port=5432;Username=ada;Password=a&b;Database=tokens")]
    [InlineData("postgres://db/tokens?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=7&application_name=mine", "Host=db;Port=5432;Database=tokens;SSL Mode=VerifyFull;Root Certificate=/ca.pem;Timeout=7")]
    [InlineData("postgres://db/tokens?sslmode=disable&channel_binding=disable", "Host=db;Port=5432;Database=tokens;SSL Mode=Disable;Channel Binding=Disable")]
    [InlineData("postgres://db/tokens?ssl=true", "Host=db;Port=5432;Database=tokens;SSL Mode=Require")]
    [InlineData("postgres://db/tokens?options=-c%20search_path%3Dmine&keepalives=1&keepalives_idle=30", "Host=db;Port=5432;Database=tokens;Options='-c search_path=mine';Tcp Keepalive=true;Tcp Keepalive Time=30")]
    [InlineData("postgres://db/tokens?Maximum%20Pool%20Size=7&max_auto_prepare=0", "Host=db;Port=5432;Database=tokens;Maximum Pool Size=7;Max Auto Prepare=0")]
    public void An_address_of_libpq_is_read_as_libpq_reads_it(string address, string same)
    {
        PostgresAddress.TryRead(address, out var settings).ShouldBeTrue();

        settings.EquivalentTo(new NpgsqlConnectionStringBuilder(same)).ShouldBeTrue(settings.ConnectionString);
    }

    [Theory]
    [InlineData("Host=db;Database=tokens;Username=ada;Password=host=db password=x")]
    [InlineData("Host=/var/run/postgresql;Database=tokens")]
    [InlineData("Host=@abstract;Database=tokens")]
    [InlineData("Host=one:1111,two:2222;Database=tokens;Username=ada")]
    [InlineData("host=db;port=5432;user id=ada;password=secret;database=tokens")]
    public void A_connection_string_stays_what_it_is(string text)
    {
        PostgresAddress.TryRead(text, out var settings).ShouldBeTrue();

        settings.EquivalentTo(new NpgsqlConnectionStringBuilder(text)).ShouldBeTrue(settings.ConnectionString);
    }

    [Theory]
    [InlineData("")]
    [InlineData("planted")]
    [InlineData("Host=;Password=planted")]
    [InlineData("host=db port=5432 dbname=tokens user=ada password=planted")]
    [InlineData("host=db dbname=tokens;password=planted")]
    [InlineData("Host=db,Port=5432,Password=planted")]
    [InlineData("Host=db;Database=tokens Password=planted")]
    [InlineData("Host=db;Username=ada Password=planted;Database=tokens")]
    [InlineData("Host=db;Database=tokens;Root Certificate=/ca.pem Pwd = planted")]
    [InlineData("Host=postgres://ada:planted@db/tokens")]
    [InlineData("Host=ada:planted@db;Database=tokens")]
    [InlineData("Host=db;Port=planted;Database=tokens")]
    [InlineData("jdbc:postgresql://db:5432/tokens?user=ada&password=planted")]
    [InlineData("jdbc:postgresql://ada:planted@db:5432/tokens")]
    [InlineData("mysql://ada:planted@db/tokens")]
    [InlineData("postgres:ada:planted@db/tokens")]
    [InlineData("postgres://ada:pla/nted@db/tokens")]
    [InlineData("postgres://ada:pla?nted@db/tokens")]
    [InlineData("postgres://ada:pla%zznted@db/tokens")]
    [InlineData("postgres://ada:planted@db:99999/tokens")]
    [InlineData("postgres://ada:planted@db:x/tokens")]
    [InlineData("postgres://ada:planted@db/tokens?nosuch=1")]
    [InlineData("postgres://ada:planted@db/tokens?sslmode=nosuch")]
    [InlineData("postgres://ada:planted@one,two,three/tokens?port=1,2")]
    public void Anything_else_is_neither_and_is_not_repeated(string text)
    {
        PostgresAddress.TryRead(text, out _).ShouldBeFalse();

        Should.Throw<FormatException>(() => PostgresAddress.Read(text)).ToString().ShouldNotContain("planted");
    }
}

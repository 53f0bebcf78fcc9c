namespace TokenRefresh.Server.Hosting;

/// <summary>What a process does where there is no database, or no key to it, yet.</summary>
internal enum FirstUse
{
    /// <summary>It makes them: the server, and verbs that may come before it.</summary>
    Makes,

    /// <summary>It refuses: the verb is about what must be there, and would otherwise answer about an empty world of its own.</summary>
    Needs,

    /// <summary>As <see cref="Needs"/>, and without the key: it looks at the schema only.</summary>
    Looks,
}

/// <summary>The choice of this process.</summary>
internal sealed record FirstUseChoice(FirstUse Value);

/// <summary>There is no database where one was looked for; the message says where, and how to name another.</summary>
internal sealed class NoDatabaseException(string looked) : Exception(
    $"{looked}, and this verb does not create one. Set the server's ConnectionStrings__TokenRefresh=… or Data__Directory=… in the environment or in .env (or as --Data:Directory=…), start the server, or create a database with: db migrate");

namespace TokenRefresh.Server.Hosting;

/// <summary>What a process does.</summary>
[Flags]
internal enum Roles
{
    /// <summary>Neither: a verb of the command line.</summary>
    None = 0,

    /// <summary>Answers HTTP.</summary>
    Web = 1,

    /// <summary>Runs jobs and keeps the timetable.</summary>
    Worker = 2,

    /// <summary>Both, the default.</summary>
    All = Web | Worker,
}

using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Harness.Binary.Tests")]

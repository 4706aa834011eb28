import { useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { useEffect } from 'react'

// When the system changes between light and dark GraphiQL's page follows, and its editors do not: dark on dark.
export function FollowSystem() {
  const { setTheme } = useGraphiQLActions()
  const chosen = useGraphiQL((state) => state.theme)
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)')
    const follow = () => setTheme(chosen)
    system.addEventListener('change', follow)
    return () => system.removeEventListener('change', follow)
  }, [setTheme, chosen])
}

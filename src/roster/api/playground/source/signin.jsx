import { Button, cn, CloseIcon, UnStyledButton, useGraphiQLActions } from '@graphiql/react'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { createPortal } from 'react-dom'

import { current, signIn, signOut, subscribe, whoAmI } from './session.js'
import './signin.css'

// Says who is signed in, and signs in and out. The docs follow, as the schema is then asked for again. Where the server
// has a name for whoever shows no token, as it does without access control, there is nothing to sign in to.
export function SignIn() {
  const { token, isRefused } = useSyncExternalStore(subscribe, current)
  const [answer, setAnswer] = useState()
  const { introspect } = useGraphiQLActions()
  const dialog = useRef()

  useEffect(() => subscribe(introspect), [introspect])

  useEffect(() => {
    const answered = (label) => {
      if (token !== current().token) return
      setAnswer({ token, label })
      if (token) dialog.current.close()
    }
    whoAmI().then(answered, () => answered())
  }, [token])

  const label = answer?.token === token ? answer.label : undefined
  const isNobody = !token && answer && !label
  const signedIn = label ? `Signed in as ${label}` : 'Signed in'
  const signedOut = isRefused ? 'The token is not valid' : 'Not signed in'
  const status = token ? signedIn : isNobody ? signedOut : label
  return (
    <div className="signin">
      <span
        className={cn('signin-status', isNobody && isRefused && 'signin-refused')}
        role="status"
        title={status}
      >
        {token && label ? (
          <>
            Signed in as <span className="signin-name">{label}</span>
          </>
        ) : (
          status
        )}
      </span>
      {(token || isNobody) && (
        <Button type="button" onClick={() => (token ? signOut() : dialog.current.showModal())}>
          {token ? 'Sign out' : 'Sign in'}
        </Button>
      )}
      <SignInDialog ref={dialog} isRefused={isRefused} />
    </div>
  )
}

// The browser's own dialog, which minds the focus and Escape, where GraphiQL puts its own. The field keeps its value
// to itself: one that React controls would have it in the page.
function SignInDialog({ ref, isRefused }) {
  const form = useRef()
  const submit = (event) => {
    event.preventDefault()
    signIn(form.current.token.value)
  }
  return createPortal(
    <dialog
      ref={ref}
      className="graphiql-dialog signin-dialog"
      aria-labelledby="signin-title"
      closedby="any"
      onClose={() => form.current.reset()}
    >
      <div className="graphiql-dialog-header">
        <h2 id="signin-title" className="graphiql-dialog-title">
          Sign in
        </h2>
        <UnStyledButton
          type="button"
          className="graphiql-dialog-close"
          aria-label="Close dialog"
          onClick={() => ref.current.close()}
        >
          <CloseIcon aria-hidden="true" />
        </UnStyledButton>
      </div>
      <div className="graphiql-dialog-section">
        <form ref={form} className="signin-form" onSubmit={submit}>
          <label htmlFor="signin-token" className="graphiql-dialog-section-title">
            API token
          </label>
          <div className="signin-field">
            <input
              ref={(input) => input?.setAttribute('autofocus', '')} // What a dialog looks for; React has its own.
              id="signin-token"
              name="token"
              type="password"
              placeholder="rst_…"
              autoComplete="off"
              required
              aria-invalid={isRefused}
              aria-describedby="signin-caption"
            />
            <Button type="submit">Sign in</Button>
          </div>
          <div
            id="signin-caption"
            className={isRefused ? 'signin-refused' : 'graphiql-dialog-section-caption'}
            aria-live="polite"
          >
            {isRefused
              ? 'Not valid: mistyped, expired or revoked.'
              : 'Kept by this browser tab alone, until it is closed.'}
          </div>
        </form>
      </div>
    </dialog>,
    document.body,
  )
}
